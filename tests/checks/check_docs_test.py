# SPDX-License-Identifier: Apache-2.0
"""tools/check_docs finds dead links, missing pages and a broken change log."""

import tree

LOG = "# Changes\n\n## Unreleased\n\n### Added\n- Graphs.\n"


class CheckDocsTest(tree.TreeTest):
    def setUp(self):
        super().setUp()
        self.write("CHANGELOG.md", LOG)

    def test_says_nothing_about_whole_documents(self):
        self.write("docs/a.md", "# A page\n\n[b](b.md#two-words), [host](https://example.org/x), ![c](c.svg)\n")
        self.write("docs/b.md", "## Two words\n\n```\n[not](a-link.md)\n```\n`[nor](this.md)` [up](#two-words)\n")
        self.write("docs/c.svg", "<svg/>")
        self.assertEqual(self.check("check_docs"), [])

    def test_names_the_line_of_a_dead_link(self):
        self.write("docs/a.md", "\n[b](nowhere.md)\n")
        self.assertEqual(self.check("check_docs"), ["docs/a.md:2: link nowhere.md leads nowhere"])

    def test_names_the_anchor_that_is_gone(self):
        self.write("docs/a.md", "[b](b.md#gone)\n")
        self.write("docs/b.md", "# Here\n")
        self.assertEqual(self.check("check_docs"), ["docs/a.md:1: b.md has no heading for #gone"])

    def test_refuses_links_out_of_the_checkout(self):
        self.write("docs/a.md", "[b](../../b.md)\n")
        self.assertEqual(self.check("check_docs"), ["docs/a.md:1: link ../../b.md leaves the checkout"])

    def test_wants_a_page_of_each_room(self):
        self.write("ARCHITECTURE.md", "| 0 | `base` |\n")
        self.write("src/base/CMakeLists.txt", "")
        self.write("src/io/CMakeLists.txt", "")
        self.write("src/io/README.md", "short\n")
        found = self.check("check_docs")
        self.assertEqual(len(found), 3, found)
        self.assertIn("src/base/README.md is missing", found[0])
        self.assertIn("src/io/README.md has 1 lines", found[1])
        self.assertIn("does not name the room `io`", found[2])

    def test_parses_the_change_log(self):
        self.write("CHANGELOG.md", LOG + "\n## 0.1\n- stray\n### Improved\nprose\n")
        found = self.check("check_docs")
        self.assertEqual([line.split(":")[1] for line in found], ["8", "9", "10", "11"], found)

    def test_wants_unreleased_on_top(self):
        self.write("CHANGELOG.md", "# Changes\n\n## 0.1.0 - 2026-11-24\n\n### Added\n- All.\n")
        self.assertEqual(self.check("check_docs"), ["CHANGELOG.md: the first release is not Unreleased"])
