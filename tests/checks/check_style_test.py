# SPDX-License-Identifier: Apache-2.0
"""tools/check_style finds each breach that is planted."""

import tree

HEAD = "// SPDX-License-Identifier: Apache-2.0\n"


class CheckStyleTest(tree.TreeTest):
    def only(self, name, text):
        """Writes one file and gives the one breach found."""
        self.write(name, text)
        found = self.check("check_style")
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_says_nothing_about_tidy_files(self):
        self.write("src/base/a.cc", HEAD + '#include "headrace/base/a.h"\n')
        self.write("include/headrace/base/a.h", HEAD + "#pragma once\n#include <vector>\n")
        self.write("tools/check", "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\ntrue\n")
        self.assertEqual(self.check("check_style"), [])

    def test_wants_the_licence_line_first(self):
        self.assertIn("a.cc:1: the first line", self.only("src/base/a.cc", "\n" + HEAD))
        self.assertIn("tools/check:1:", self.check_script("#!/bin/bash\ntrue\n"))

    def check_script(self, text):
        self.write("src/base/a.cc", HEAD)
        return self.only("tools/check", text)

    def test_wants_the_guard_second(self):
        self.assertIn("a.h:2: the second line", self.only("src/base/a.h", HEAD + "\n#pragma once\n"))

    def test_counts_columns(self):
        self.write("docs/wide.md", "x" * 200 + "\n")
        self.assertIn("a.cc:2: 141 columns", self.only("src/base/a.cc", HEAD + "/" * 141 + "\n"))

    def test_sees_words_of_unfinished_work(self):
        self.assertIn("a.cc:2: a word", self.only("src/base/a.cc", HEAD + "// TO" + "DO: later\n"))

    def test_sees_excuses_in_code_but_not_the_html_attribute(self):
        self.write("src/web/page.cc", HEAD + '// <input place' + 'holder="name">\n')
        self.assertIn("a.cc:2: a word", self.only("src/base/a.cc", HEAD + "// good enough for " + "now\n"))

    def test_sees_paths_of_one_machine(self):
        self.write("docs/a.md", "see docs/work/a and https://x.org/home/a\n")
        self.assertIn("b.md:1: a path", self.only("docs/b.md", "see /ho" + "me/me/data\n"))

    def test_sees_heavy_headers_in_public_ones(self):
        self.write("src/base/a.cc", HEAD + "#include <arrow/api.h>\n")
        self.assertIn("a.h:3: a public header", self.only("include/headrace/base/a.h", HEAD + "#pragma once\n#include <arrow/api.h>\n"))

    def test_keeps_torch_and_protobuf_apart(self):
        text = HEAD + "#include <ATen/core/Tensor.h>\n#include <google/" "protobuf/message.h>\n"
        self.assertIn("a.cc:3: a source that sees torch", self.only("src/base/a.cc", text))

    def test_sees_checks_that_cannot_fail(self):
        self.assertIn("a_test.cc:2: a check", self.only("src/base/a_test.cc", HEAD + "EXPECT_TRUE" + "(true);\n"))

    def test_sees_randomness_that_differs_between_libraries(self):
        text = HEAD + "std::uniform_real" + "_distribution<double> d;\n"
        self.assertIn("a.cc:2: randomness", self.only("src/base/a.cc", text))

    def test_counts_lines_and_bytes(self):
        self.write("examples/x/data/big.csv", "1\n" * 1000)
        self.assertIn("a.cc:600: 701 lines", self.only("src/base/a.cc", HEAD + "\n" * 699))
        self.write("src/base/a.cc", HEAD)
        self.assertIn("1048577 bytes", self.only("examples/x/data/huge.csv", "x" * 1048577))

    def test_sees_carriage_returns_and_missing_ends(self):
        path = self.write("src/base/a.cc", "")
        path.write_bytes(HEAD.encode() + b"int x;\r\nint y;")
        self.assertEqual(len(self.check("check_style")), 3)
