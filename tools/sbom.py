#!/usr/bin/env python3
"""What the program is made of: `./dev sbom` (SPDX 2.3, JSON), or docs/dependencies.md with --page.

The libraries are those that the dynamic loader finds for the program, and those of packages.txt that
have only headers, which are compiled into it; of the console the packages in its package-lock.json.
Names, versions and suppliers come from dpkg, licences from /usr/share/doc/PACKAGE/copyright.
"""
import argparse
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Debian's names of licences (DEP 5) -> SPDX. What is neither here nor an SPDX name stops this program.
LICENCES = {
    "expat": "MIT", "mit": "MIT", "x11": "MIT", "bsl-1.0": "BSL-1.0", "zlib": "Zlib",
    "apache-2.0": "Apache-2.0", "cc0-1.0": "CC0-1.0", "isc": "ISC", "0bsd": "0BSD",
    "bsd-2-clause": "BSD-2-Clause", "bsd-2clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause",
    "bsd-3-clause~google": "BSD-3-Clause", "bsd-4-clause": "BSD-4-Clause",
    "bsd-variant": "bzip2-1.0.6", "gpl-2": "GPL-2.0-only",
    "expat with embedded exception": "MIT",  # fmt: binaries need not carry the notice
}
# Copyright files in free form: source package -> a phrase that must stand in it, and what it means.
FREE_FORM = {
    "glibc": ("version 2.1 of the License, or (at your option) any later version",
              "LGPL-2.1-or-later"),
    "gcc-12": ("GCC Runtime Library Exception", "GPL-3.0-or-later WITH GCC-exception-3.1"),
}
FIELDS = ("binary:Package", "Version", "source:Package", "source:Version", "Maintainer", "Homepage",
          "Architecture")


def output(*command) -> str:
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def owner_of(path: str) -> str:
    """The package that a file belongs to; with a merged /usr it may be known by its other name."""
    other = path.removeprefix("/usr") if path.startswith("/usr/") else "/usr" + path
    for name in (path, other):
        found = subprocess.run(["dpkg-query", "-S", name], text=True, capture_output=True, check=False)
        if found.returncode == 0:
            return found.stdout.split(": ")[0].split(",")[0].split(":")[0]
    sys.exit(f"sbom.py: {path} belongs to no Debian package")


def linked_packages(binary: str) -> set[str]:
    """Of every shared library that is loaded, directly or by another one."""
    paths = re.findall(r"(?:=> )?(/\S+) \(0x", output("ldd", binary))
    return {owner_of(path) for path in paths}


def header_packages() -> set[str]:
    """Of packages.txt: libraries without a library, which the compiler copies into the program."""
    found = set()
    section = ""
    for line in (ROOT / "packages.txt").read_text().splitlines():
        if heading := re.match(r"# ([a-z]+):", line):
            section = heading[1]
        elif section == "build" and line.endswith("-dev") and not line.startswith("libclang"):
            files = output("dpkg-query", "-L", line)
            if "/usr/include/" in files and not re.search(r"\.so$", files, re.M):
                found.add(line)
    return found


def spdx_expression(name: str) -> str:
    """`BSD-3-clause or GPL-2` -> `BSD-3-Clause OR GPL-2.0-only`."""
    if name.lower() in LICENCES:
        return LICENCES[name.lower()]
    words = re.split(r"\s+(or|and)\s+", name, flags=re.I)
    if len(words) == 1:
        sys.exit(f"sbom.py: the licence {name!r} is not in LICENCES")
    return " ".join(word.upper() if word.lower() in ("or", "and") else spdx_expression(word)
                    for word in words)


def licence_of(package: str, source: str) -> tuple[str, str]:
    """That of most of its files, and a note on other ones."""
    text = (pathlib.Path("/usr/share/doc") / package / "copyright").read_text(errors="replace")
    if source in FREE_FORM:
        phrase, licence = FREE_FORM[source]
        if phrase.lower() not in re.sub(r"\s+", " ", text).lower():
            sys.exit(f"sbom.py: the copyright file of {package} does not say {phrase!r} any more")
        return licence, ""
    stanzas = re.findall(r"^Files:\s*(.*?)^License:[ \t]*([^\n]+)", text, re.M | re.S)
    if not stanzas:
        sys.exit(f"sbom.py: the copyright file of {package} names no licence; add it to FREE_FORM")
    main = next((name for files, name in stanzas if files.split()[0] == "*"), stanzas[0][1])
    others = sorted({name.strip() for _, name in stanzas} - {main.strip()})
    return (spdx_expression(main.strip()),
            f"single files of the source, by Debian's names: {', '.join(others)}" if others else "")


def debian_package(name: str, how: str) -> dict:
    shown = output("dpkg-query", "-W", "-f", "\\n".join(f"${{{field}}}" for field in FIELDS) + "\\n",
                   name)
    value = dict(zip(FIELDS, shown.splitlines()))
    licence, note = licence_of(name, value["source:Package"])
    maintainer = re.sub(r"\s*<(.*)>", r" (\1)", value["Maintainer"])
    purl = (f"pkg:deb/debian/{name}@{urllib.parse.quote(value['Version'], safe='')}"
            f"?arch={value['Architecture']}")
    return {"how": how, "name": name, "versionInfo": value["Version"],
            "supplier": f"Organization: Debian, {maintainer}",
            "homepage": value["Homepage"] or "NOASSERTION",
            "sourceInfo": f"Debian source package {value['source:Package']} {value['source:Version']}",
            "licenseDeclared": licence, "licenseComments": note, "purl": purl}


def console_packages() -> list[dict]:
    lock = ROOT / "console/package-lock.json"
    if not lock.exists():
        return []
    found = {}  # one package may lie in several places
    for place, entry in sorted(json.loads(lock.read_text())["packages"].items()):
        if not place or entry.get("dev") or entry.get("link") or entry.get("devOptional"):
            continue
        name, version = place.rpartition("node_modules/")[2], entry["version"]
        found[name, version] = {
            "how": "console", "name": name, "versionInfo": version,
            "supplier": "NOASSERTION", "homepage": f"https://www.npmjs.com/package/{name}",
            "sourceInfo": "", "licenseDeclared": entry.get("license", "NOASSERTION"),
            "licenseComments": "", "purl": f"pkg:npm/{urllib.parse.quote(name)}@{version}"}
    return [found[package] for package in sorted(found)]


def dependencies(binary: str) -> list[dict]:
    return ([debian_package(name, "linked") for name in sorted(linked_packages(binary))] +
            [debian_package(name, "compiled in") for name in sorted(header_packages())] +
            console_packages())


RELATION = {"linked": "DYNAMIC_LINK", "compiled in": "STATIC_LINK", "console": "CONTAINS"}


def spdx_package(entry: dict) -> dict:
    identity = "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", f"{entry['name']}-{entry['versionInfo']}")
    package = {"SPDXID": identity, "name": entry["name"], "versionInfo": entry["versionInfo"],
               "supplier": entry["supplier"], "downloadLocation": "NOASSERTION",
               "homepage": entry["homepage"], "filesAnalyzed": False,
               "licenseConcluded": "NOASSERTION", "licenseDeclared": entry["licenseDeclared"],
               "copyrightText": "NOASSERTION",
               "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                 "referenceLocator": entry["purl"]}]}
    for field, key in (("sourceInfo", "sourceInfo"), ("licenseComments", "licenseComments")):
        if entry[key]:
            package[field] = entry[key]
    return package


def document(binary: str, made: int) -> dict:
    entries = dependencies(binary)
    version = output(binary, "--version").split()[1]
    digest = hashlib.sha256(pathlib.Path(binary).read_bytes()).hexdigest()
    program = {"SPDXID": "SPDXRef-sluice", "name": "sluice", "versionInfo": version,
               "supplier": "Organization: The Sluice authors", "downloadLocation": "NOASSERTION",
               "filesAnalyzed": False, "licenseConcluded": "Apache-2.0",
               "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION",
               "primaryPackagePurpose": "APPLICATION",
               "checksums": [{"algorithm": "SHA256", "checksumValue": digest}]}
    packages = [spdx_package(entry) for entry in entries]
    relations = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                  "relatedSpdxElement": "SPDXRef-sluice"}]
    for entry, package in zip(entries, packages):
        relations.append({"spdxElementId": "SPDXRef-sluice", "relationshipType": RELATION[entry["how"]],
                          "relatedSpdxElement": package["SPDXID"]})
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"sluice-{version}",
            "documentNamespace": f"https://spdx.org/spdxdocs/sluice-{version}-{digest[:32]}",
            "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made)),
                             "creators": ["Tool: tools/sbom.py"]},
            "packages": [program, *packages], "relationships": relations}


HEADINGS = (("linked", "Shared libraries", "Loaded when the program starts; they are Debian's own."),
            ("compiled in", "Compiled in", "Libraries that have only headers."),
            ("console", "Web console", "npm packages in the files that the console consists of."))


def page(binary: str) -> str:
    """Without versions, which change with every security update: they stand in the SBOM."""
    entries = dependencies(binary)
    out = ("<!-- Generated by `tools/sbom.py --page`; `./dev docs` writes it. Do not edit. -->\n"
           "# Dependencies\n\nWhat `sluice` is made of, and under which licences. `./dev sbom` says the "
           "same with versions and\nsuppliers, in SPDX 2.3; a package holds it as "
           "`/usr/share/doc/sluice/sbom.spdx.json`. Sluice itself is\nunder the Apache License 2.0.\n")
    for how, heading, about in HEADINGS:
        rows = sorted({(e["name"], e["licenseDeclared"], e["homepage"]) for e in entries
                       if e["how"] == how})
        if not rows:
            continue
        out += f"\n## {heading}\n\n{about}\n\n| package | licence | from |\n|---|---|---|\n"
        for name, licence, homepage in rows:
            out += f"| `{name}` | {licence} | {'' if homepage == 'NOASSERTION' else homepage} |\n"
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=str(ROOT / "build/release/sluice"))
    parser.add_argument("--page", action="store_true", help="docs/dependencies.md instead")
    given = parser.parse_args()
    if given.page:
        print(page(given.binary), end="")
        return
    commit = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, text=True,
                            capture_output=True, check=False).stdout.strip()
    print(json.dumps(document(given.binary, int(commit or 0)), indent=1))


if __name__ == "__main__":
    main()
