# SPDX-License-Identifier: Apache-2.0
"""tools/check_floors finds what is planted, and nothing else."""

import tree


class CheckFloorsTest(tree.TreeTest):
    def setUp(self):
        super().setUp()
        self.write("include/headrace/base/log.h", "")
        self.write("src/graph/plan.cc", '#include "headrace/base/log.h"\n#include "graph/plan_parts.h"\n#include <vector>\n')
        self.write("src/graph/CMakeLists.txt", "headrace_room(NAME graph\n  SOURCES plan.cc\n  DEPENDS data base\n  TESTS plan_test.cc)\n")

    def test_says_nothing_about_uses_that_go_down_or_sideways(self):
        self.write("src/data/table.cc", '#include "headrace/config/value.h"\n')
        self.write("src/graph/lower.cc", '#include "headrace/data/table.h"\n')
        self.assertEqual(self.check("check_floors"), [])

    def test_names_the_line_of_an_include_that_goes_up(self):
        self.write("src/graph/lower.cc", '\n#include "headrace/exec/run.h"\n')
        (line,) = self.check("check_floors")
        self.assertTrue(line.startswith("src/graph/lower.cc:2: include goes up: graph (floor 2) uses exec (floor 3)"), line)

    def test_sees_public_headers_and_tests_that_go_up(self):
        self.write("include/headrace/base/id.h", '#include "headrace/graph/plan.h"\n')
        self.write("src/base/id_test.cc", '#include "headrace/graph/plan.h"\n')
        self.assertEqual([line.split(":")[0] for line in self.check("check_floors")],
                         ["include/headrace/base/id.h", "src/base/id_test.cc", "cycle of rooms"])

    def test_names_the_line_of_a_link_that_goes_up(self):
        self.write("src/data/CMakeLists.txt",
                   "# a comment (with parentheses)\nheadrace_room(NAME data\n  SOURCES table.cc\n  DEPENDS cli base)\n")
        (line,) = self.check("check_floors")
        self.assertTrue(line.startswith("src/data/CMakeLists.txt:2: link goes up: data (floor 2) uses cli (floor 6)"), line)

    def test_sees_a_link_written_as_a_plain_target(self):
        self.write("src/data/CMakeLists.txt", "target_link_libraries(headrace_data PRIVATE headrace_exec)\n")
        (line,) = self.check("check_floors")
        self.assertIn("data (floor 2) uses exec (floor 3)", line)

    def test_prints_a_cycle_of_rooms_on_one_floor(self):
        self.write("src/data/table.cc", '#include "headrace/comm/ring.h"\n')
        self.write("src/comm/ring.cc", '#include "headrace/graph/plan.h"\n')
        self.write("src/graph/lower.cc", '#include "headrace/data/table.h"\n')
        (line,) = self.check("check_floors")
        self.assertTrue(line.startswith("cycle of rooms: "), line)
        for step in ("comm -> graph", "graph -> data", "data -> comm"):
            self.assertIn(step, line)

    def test_prints_a_cycle_of_targets(self):
        self.write("src/data/CMakeLists.txt", "headrace_room(NAME data SOURCES table.cc DEPENDS graph)\n")
        (line,) = self.check("check_floors")
        self.assertTrue(line.startswith("cycle of CMake targets: data -> graph"), line)

    def test_lets_a_test_look_sideways_without_closing_a_cycle(self):
        self.write("src/data/table_test.cc", '#include "headrace/graph/plan.h"\n')
        self.write("src/graph/lower.cc", '#include "headrace/data/table.h"\n')
        self.assertEqual(self.check("check_floors"), [])

    def test_refuses_private_headers_of_another_room(self):
        self.write("src/exec/run.cc", '#include "graph/plan_parts.h"\n')
        (line,) = self.check("check_floors")
        self.assertIn("exec includes a private header of graph", line)

    def test_asks_for_the_floor_of_a_new_room(self):
        self.write("src/attic/box.cc", '#include "headrace/base/log.h"\n')
        (line,) = self.check("check_floors")
        self.assertIn("room attic has no floor", line)

    def test_says_nothing_about_this_checkout(self):
        self.assertEqual(self.check("check_floors", tree.SOURCE), [])
