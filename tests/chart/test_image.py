"""The Dockerfile, as far as it can be read: what it installs is what the program needs, and who runs it."""

import fnmatch
import glob
import os
import re
import subprocess

import kit

PROGRAM = os.environ["ADMITONE_PROGRAM"]
# Of the base image.
IN_THE_BASE = {"libc6", "libgcc-s1", "libstdc++6", "zlib1g"}


def read(path):
    with open(os.path.join(kit.ROOT, path), encoding="utf-8") as file:
        return file.read()


def stages():
    """Instructions of each stage, continued lines joined, comments gone."""
    text = "\n".join(line for line in read("Dockerfile").split("\n") if not line.startswith("#"))
    lines = [line for line in text.replace("\\\n", " ").split("\n") if line.strip()]
    out = []
    for line in lines:
        if line.startswith("FROM "):
            out.append([])
        if out:
            out[-1].append(" ".join(line.split()))
    return out


def installed(stage):
    run = next(line for line in stage if "apt-get install" in line)
    words = run.split("--no-install-recommends", 1)[1].split("&&", 1)[0].split()
    return {name: version for name, _, version in (word.partition("=") for word in words)}


def needed_packages():
    """Debian packages of the libraries that the program itself names."""
    dynamic = subprocess.run(["readelf", "-d", PROGRAM], check=True, capture_output=True, text=True).stdout
    for library in re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic):
        found = subprocess.run(["dpkg-query", "-S", f"*/{library}"], capture_output=True, text=True).stdout
        assert found, library
        yield found.split(":", 1)[0]


def test_the_image_has_the_libraries_that_the_program_needs_and_no_others():
    assert set(needed_packages()) - IN_THE_BASE == set(installed(stages()[-1])) - {"ca-certificates"}


def test_each_package_that_is_shipped_has_its_version():
    assert all(installed(stages()[-1]).values())


def test_what_builds_it_is_what_setup_installs():
    packages = re.search(r"# libraries\n(.*?)\n  # tests", read("scripts/setup"), re.DOTALL).group(1).split()
    assert set(packages) <= set(installed(stages()[0]))


def test_both_stages_begin_from_the_same_base_and_the_first_leaves_nothing_but_the_program():
    build, run = stages()
    assert build[0] == "FROM ${BASE} AS build" and run[0] == "FROM ${BASE}"
    assert [line for line in run if line.startswith("COPY")] == ["COPY --from=build /source/build/release/admitone /usr/bin/admitone"]
    assert any("--preset release" in line for line in build)


def test_a_user_who_is_not_root_runs_the_program_without_a_shell():
    run = stages()[-1]
    user = next(line for line in run if line.startswith("USER ")).split()[1]
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", user)
    assert 'ENTRYPOINT ["/usr/bin/admitone"]' in run and 'CMD ["worker"]' in run
    assert not any(line.startswith("HEALTHCHECK") for line in run)
    values = read("helm/admitone/values.yaml")
    assert f"runAsUser: {user.split(':')[0]}" in values and f"runAsGroup: {user.split(':')[1]}" in values


def test_the_context_holds_what_is_copied_and_nothing_else():
    copied = {word for line in stages()[0] if line.startswith("COPY ") for word in line.split()[1:-1]}
    lines = [line for line in read(".dockerignore").split("\n") if line and not line.startswith("#")]
    assert lines[0] == "*" and {line[1:] for line in lines if line.startswith("!")} == copied
    assert all(os.path.exists(os.path.join(kit.ROOT, path)) for path in copied)


def read_by_the_build():
    """What the build reads by its place in the sources; tests are not built."""
    files = ["CMakeLists.txt"]
    for pattern in ("src/**/CMakeLists.txt", "bench/**/CMakeLists.txt", "cmake/**/*.cmake"):
        files += glob.glob(pattern, root_dir=kit.ROOT, recursive=True)
    for file in files:
        for path in re.findall(r"\$\{(?:PROJECT|CMAKE)_SOURCE_DIR\}/([^\s\";)]+)", read(file)):
            if path.split("/")[0] != "tests":
                yield file, path


def let_in(path):
    """By .dockerignore, whose last line that is about a path or a folder above it counts."""
    parts = path.split("/")
    found = True
    for line in read(".dockerignore").split("\n"):
        pattern = line.lstrip("!")
        if pattern and not line.startswith("#") and any(
                fnmatch.fnmatchcase("/".join(parts[:i]), pattern) for i in range(1, len(parts) + 1)):
            found = line.startswith("!")
    return found


def test_what_the_build_reads_is_copied_and_let_in():
    copied = [word for line in stages()[0] if line.startswith("COPY ") for word in line.split()[1:-1]]
    paths = dict((path, file) for file, path in read_by_the_build())
    assert "schemas/http/openapi.json" in paths and any("-DBUILD_TESTING=OFF" in line for line in stages()[0])
    for path, file in paths.items():
        is_copied = any(f"{path}/".startswith(f"{source}/") for source in copied)
        assert is_copied, f"{file} reads {path}, which is not copied"
        assert let_in(path), f"{file} reads {path}, which .dockerignore hides"
