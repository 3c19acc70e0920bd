"""Plants violations of form in a small tree, and expects lint to refuse each, and only where it should."""

import os
import shutil
import subprocess

import scripts

SOURCE, TEST = "Packages/p/Sources/M/File.swift", "Packages/p/Tests/MTests/File.swift"
COMMAND = "Packages/musig2-command/Sources/musig2/File.swift"
DOCUMENTED = "/// Doubles.\n///\n/// - Parameter number: what to double.\n/// - Returns: the double.\n"


def spread(count):
    return {"Packages/p/Sources/M/Type+%d.swift" % number: "extension Type {\n    func f%d() {}\n}\n" % number
            for number in range(count)}


@scripts.cases({  # the file or files, the text, the rule that refuses it
    "a good file": (SOURCE, "/// One.\npublic let one = 1\n"),
    "bad indentation": (TEST, "func one() {\n  two()\n}\n", "Indentation"),
    "a long line": (TEST, "let a = \"%s\"\n" % ("a" * 120), "LineLength"),
    "an undocumented public declaration": (SOURCE, "public let one = 1\n", "AllPublicDeclarationsHaveDocumentation"),
    "tests need no documentation": (TEST, "public let one = 1\n"),
    "a wrong parameter in a comment": (
        SOURCE, DOCUMENTED + "public func double(_ value: Int) -> Int { value * 2 }\n", "ValidateDocumentationComments"),
    "a force unwrap in a source": (SOURCE, "func one(_ a: Int?) -> Int { a! }\n", "NeverForceUnwrap"),
    "a force unwrap in the command": (COMMAND, "func one(_ a: Int?) -> Int { a! }\n", "NeverForceUnwrap"),
    "the command has no API": (COMMAND, DOCUMENTED + "func double(_ value: Int) -> Int { value * 2 }\n"),
    "a force try in a source": (SOURCE, "func one() -> Int { try! two() }\n", "NeverUseForceTry"),
    "a force unwrap in a test": (TEST, "func one(_ a: Int?) -> Int { a! }\n"),
    "a retired name": (SOURCE, "struct Turn {}\n", "Retired"),
    "a retired call": (SOURCE, "let name = look(up: one)\n", "Retired"),
    "a retired name elsewhere": ("Packages/q/Sources/M/File.swift", "struct Turn {}\n"),
    "a retired name as a part or in words": (
        SOURCE, "// Turn, look(up:)\nstruct TurnTable {}\nlet text = \"my Turn\"\n"),
    "build folders are left alone": ("Packages/p/.build/checkouts/x/Sources/File.swift", "func  bad( ){}\n"),
    "internal is written": (SOURCE, "internal let one = 1\n", "Internal"),
    "internal where it says something": (
        SOURCE, "internal import A\n\n/// One.\npublic struct One {\n    /// Two.\n    public internal(set) var two = 2\n}\n"),
    "a type in four files": (spread(4), ""),
    "a type in five files": (spread(5), "", "Spread"),
    "a namespace in five files": (
        {path: text.replace("func f", "struct F").replace("()", "") for path, text in spread(5).items()}, ""),
    "an action without a noun in a document": ("docs/a.md", "Who lies is refused.\n", "Who"),
    "an action without a noun in a comment": (SOURCE, "/// One that is for whoever asks.\npublic let one = 1\n", "Who"),
    "a wide line in a document": ("docs/a.md", "a " * 61 + "\n", "Width"),
    "a wide table, and wide code": ("docs/a.md", "| " + "a " * 61 + "|\n\n```\n" + "a " * 61 + "\n```\n"),
    "a CHANGELOG is as it was": ("CHANGELOG.md", "- For whoever asks. " + "a " * 61 + "\n"),
    "any word in an inner comment": (SOURCE, "// For whoever asks.\nlet one = 1\n"),
})
class Lint(scripts.TreeTests):
    def case(self, files, text, rule=None):
        self.change(files if isinstance(files, dict) else {files: text})
        self.write("Tools/retired-identifiers", "# A comment.\nPackages/p Turn Context\n. look(up: lookUp\n")
        shutil.copy(os.path.join(scripts.TOOLS, "lint"), self.path("Tools"))
        shutil.copy(os.path.join(scripts.TOOLS, os.pardir, ".swift-format"), self.root)
        process = subprocess.run([self.path("Tools/lint")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        self.assertEqual(1 if rule else 0, process.returncode, process.stdout)
        self.assertEqual([rule] if rule else [], [item for item in [rule] if item and "[%s]" % item in process.stdout])
        self.assertTrue(rule or not process.stdout)
