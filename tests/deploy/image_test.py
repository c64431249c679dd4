# SPDX-License-Identifier: Apache-2.0
"""What an image would hold, without building one: tools/drill/image builds and starts it."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("HEADRACE_BUILD_DIR") or SOURCE / "build/release")
HOME = "opt/headrace"


class ImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.tree = pathlib.Path(cls.folder.name)
        subprocess.run([sys.executable, SOURCE / "tools/image", "--build", BUILD, "--tree", cls.tree], check=True, timeout=300)
        cls.files = [path for path in cls.tree.rglob("*") if path.is_file()]

    def test_holds_the_program_its_packs_and_nothing_that_builds(self):
        names = {str(path.relative_to(self.tree / HOME)) for path in self.files if path.is_relative_to(self.tree / HOME)}
        self.assertLessEqual({"bin/headrace", "lib/libheadrace_exec.so", "lib/packs/learn.so", "lib/packs/learn.ops.json", "LICENSE"},
                             names)
        self.assertEqual([name for name in names if name.endswith((".h", ".a", ".cc", ".py", "_test"))], [])
        licences = [name for name in names if ".dist-info/" in name]
        self.assertEqual({name.split("/")[1].split("-")[0] for name in licences}, {"torch", "pyarrow"})

    def test_every_library_is_in_the_tree_or_a_package(self):
        """The dynamic linker, told only of the tree's folders, finds each library there or where Debian packages put them."""
        folders = [line.removeprefix("/") for line in (self.tree / "etc/ld.so.conf.d/headrace.conf").read_text().splitlines()]
        path = ":".join(str(self.tree / folder) for folder in folders)
        packs = sorted((self.tree / HOME / "lib/packs").glob("*.so"))
        self.assertTrue(packs)
        for file in [self.tree / HOME / "bin/headrace", *packs]:
            told = subprocess.run(["ldd", file], env={"LD_LIBRARY_PATH": path, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
                                  check=True, timeout=60).stdout
            self.assertNotIn("not found", told)
            for line in told.splitlines():
                if "=> /" in line:
                    place = line.split("=> ")[1].split()[0]
                    self.assertTrue(place.startswith((str(self.tree), "/lib/", "/usr/lib/")), line)

    def test_the_tree_alone_runs_a_pipeline(self):
        folders = (self.tree / "etc/ld.so.conf.d/headrace.conf").read_text().split()
        environment = {"LD_LIBRARY_PATH": ":".join(f"{self.tree}{folder}" for folder in folders), "HOME": str(self.tree),
                       "PATH": "/usr/bin:/bin"}
        done = subprocess.run([self.tree / HOME / "bin/headrace", "doctor"], env=environment, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(str(self.tree), done.stdout)      # its own engines, not those of the build

    def test_folders_for_any_user_belong_to_group_zero(self):
        state = (self.tree / "var/lib/headrace").stat()
        self.assertEqual(state.st_mode & 0o777, 0o775)

    def test_packages_are_named_once_and_no_development_package_is(self):
        packages = (self.tree / HOME / "packages.txt").read_text().split()
        self.assertEqual(packages, sorted(set(packages)))
        self.assertIn("libtbb12", packages)
        self.assertEqual([name for name in packages if name.endswith("-dev") or name.startswith(("g++", "gcc", "cpp", "python"))], [])

    def test_refuses_a_folder_without_a_program(self):
        done = subprocess.run([sys.executable, SOURCE / "tools/image", "--build", self.tree, "--list"], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 3)
        self.assertIn("holds no built program", done.stderr)


if __name__ == "__main__":
    unittest.main()
