"""Checks the dependency tree against deny.toml: bans, licences, sources, wildcard versions.

A small part of what cargo-deny does; deny.toml says why it is not cargo-deny itself. Reads what
`cargo metadata` prints from standard input and deny.toml from the working directory, prints one line for each
finding, and exits with 1 if there is any. Needs Python 3.11, for tomllib.
"""

import json
import re
import sys
import tomllib


def numbers(version):
    """The numeric part of a version: "1.2.3-rc.1" -> (1, 2, 3)."""
    return tuple(int(part) for part in re.match(r"\d+(\.\d+)*", version).group().split("."))


def banned(package, ban):
    """Whether a ban, `name`, `name@version` or `name:<version`, names the package."""
    name, sign, version = re.fullmatch(r"([\w-]+)(?:(@|:<)(.+))?", ban["crate"]).groups()
    if package["name"] != name:
        return False
    if sign == ":<":
        return numbers(package["version"]) < numbers(version)
    return sign is None or package["version"] == version


def allowed(expression, licences):
    """Whether an SPDX expression can be met with these licences. OR binds weaker than AND; `/` is an old OR."""
    tokens = re.findall(r"[()]|[^\s()/]+|/", expression.replace(" WITH ", "-WITH-"))

    def alternatives(position):
        met, position = all_of(position)
        while position < len(tokens) and tokens[position] in ("OR", "/"):
            other, position = all_of(position + 1)
            met = met or other
        return met, position

    def all_of(position):
        met, position = one(position)
        while position < len(tokens) and tokens[position] == "AND":
            other, position = one(position + 1)
            met = met and other
        return met, position

    def one(position):
        if tokens[position] == "(":
            met, position = alternatives(position + 1)
            return met, position + 1
        return tokens[position] in licences, position + 1

    return alternatives(0)[0]


def findings(packages, rules):
    """One sentence for each thing that must not be there."""
    licences = set(rules["licenses"]["allow"])
    for package in packages:
        crate = f"{package['name']} {package['version']}"
        for ban in rules["bans"]["deny"]:
            if banned(package, ban):
                yield f"{crate} is banned: {ban['reason']}"
        if not package["license"] or not allowed(package["license"], licences):
            yield f"{crate}: its licence, {package['license']}, is not allowed"
        # None: of this workspace. A git repository, or a registry of its own name, says so here.
        if not (package["source"] or "registry+").startswith("registry+"):
            yield f"{crate} comes from another source than a registry: {package['source']}"
        if package["source"] is None:
            for dependency in package["dependencies"]:
                if dependency["req"] == "*" and "path" not in dependency:
                    yield f"{crate} takes any version of {dependency['name']}"


def main():
    """Checks what standard input holds."""
    with open("deny.toml", "rb") as file:
        rules = tomllib.load(file)
    packages = json.load(sys.stdin)["packages"]
    found = list(findings(packages, rules))
    print("\n".join(found) or f"{len(packages)} crates: bans, licences, sources and versions are as deny.toml asks")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
