"""Plants documents whose examples and links are wrong, and expects the exact sentences of check-examples."""

import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scripts

check_examples = scripts.load("check-examples")

SOURCE = "import A\n\nenum Holder {\n    func one() {\n        two()\n\n        three()\n    }\n}\n"


class Examples(unittest.TestCase):
    def setUp(self):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="examples-"))
        self.addCleanup(shutil.rmtree, self.root)
        self.write("Tests/Example.swift", SOURCE)

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def example(self, block, place="Tests/Example.swift"):
        self.write("README.md", "# A\n\n<!-- example: %s -->\n```swift\n%s```\n" % (place, block))
        return check_examples.check(self.root)

    def test_example_at_another_indentation(self):
        self.assertEqual(([], 1), self.example("func one() {\n    two()\n\n    three()\n}\n"))

    def test_example_that_left_the_code_behind(self):
        self.assertEqual(
            (["README.md: the example is not what Tests/Example.swift says."], 1),
            self.example("func one() {\n    two()\n    three()\n}\n"))

    def test_example_with_a_missing_file(self):
        self.assertEqual((["README.md: the example Tests/No.swift does not exist."], 1),
                         self.example("import A\n", "Tests/No.swift"))

    def test_comment_without_a_block(self):
        self.write("README.md", "<!-- example: Tests/Example.swift -->\n\n```swift\nimport A\n```\n")
        self.assertEqual((["README.md: an example's comment is not followed by a block."], 0),
                         check_examples.check(self.root))

    def test_links(self):
        self.write("docs/a.md", "[b](b.md) [c](../Tests/Example.swift#one) [d](https://example.org/x) [e](c.md)\n"
                                "```\n[f](d.md)\n```\n")
        self.write("docs/b.md", "[top](#top)\n")
        self.assertEqual((["docs/a.md: the link to c.md leads nowhere."], 0), check_examples.check(self.root))


if __name__ == "__main__":
    unittest.main()
