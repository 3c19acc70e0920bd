"""Plants documents whose examples and links are wrong, and expects the exact sentences of check-examples."""

import scripts

check_examples = scripts.load("check-examples")

SOURCE = "import A\n\nenum Holder {\n    func one() {\n        two()\n\n        three()\n    }\n}\n"


def example(block, place="Tests/Example.swift"):
    return "# A\n\n<!-- example: %s -->\n%s" % (place, block)


@scripts.cases({  # the document, the sentences
    "an example at another indentation": (example("```swift\nfunc one() {\n    two()\n\n    three()\n}\n```\n"),),
    "an example that the code has left behind": (
        example("```swift\nfunc one() {\n    two()\n    three()\n}\n```\n"), "the example is not what Tests/Example.swift says."),
    "an example with a missing file": (
        example("```swift\nimport A\n```\n", "Tests/No.swift"), "the example Tests/No.swift does not exist."),
    "a comment without a block": (
        example("\n```swift\nimport A\n```\n"), "the comment of the example Tests/Example.swift is not followed by a block."),
    "links": (
        "[b](b.md) [c](../Tests/Example.swift#one) [d](https://example.org/x) [e](c.md) [top](#top)\n```\n[f](d.md)\n```\n",
        "the link to c.md leads nowhere."),
})
class Examples(scripts.TreeTests):
    def case(self, text, *sentences):
        self.change({"Tests/Example.swift": SOURCE, "docs/a.md": text, "docs/b.md": ""})
        self.assertEqual(["docs/a.md: " + sentence for sentence in sentences], check_examples.check(self.root)[0])
