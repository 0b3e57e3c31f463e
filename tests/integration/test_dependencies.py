"""tools/sbom.py: what it lists is what the program is made of."""
import json
import re
import subprocess
import sys

import pytest

from integration.harness import REPOSITORY, sluice_binary

TOOL = REPOSITORY / "tools/sbom.py"
LICENCE = re.compile(r"[A-Za-z0-9.-]+(?: (?:OR|AND|WITH) [A-Za-z0-9.-]+)*")


def made(*arguments):
    return subprocess.run([sys.executable, str(TOOL), "--binary", str(sluice_binary()), *arguments],
                          check=True, text=True, capture_output=True, timeout=120).stdout


@pytest.fixture(scope="module")
def sbom():
    return json.loads(made())


def test_every_library_that_is_loaded_is_listed_with_version_licence_and_supplier(sbom):
    packages = {package["name"]: package for package in sbom["packages"]}
    loaded = re.findall(r"=> (\S+) \(", subprocess.run(["ldd", sluice_binary()], check=True, text=True,
                                                       capture_output=True).stdout)
    assert len(loaded) > 15
    for path in loaded:
        owner = subprocess.run(f"dpkg-query -S {path} || dpkg-query -S /usr{path}", shell=True,
                               text=True, capture_output=True).stdout.split(":")[0]
        package = packages[owner]
        version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", owner], check=True,
                                 text=True, capture_output=True).stdout
        assert package["versionInfo"] == version
        assert LICENCE.fullmatch(package["licenseDeclared"]), package
        assert package["supplier"].startswith("Organization: Debian, ")
        assert package["externalRefs"][0]["referenceLocator"].startswith(f"pkg:deb/debian/{owner}@")


def test_header_libraries_are_listed_as_compiled_in(sbom):
    compiled_in = {relation["relatedSpdxElement"] for relation in sbom["relationships"]
                   if relation["relationshipType"] == "STATIC_LINK"}
    names = {package["name"] for package in sbom["packages"] if package["SPDXID"] in compiled_in}
    used = set()
    for source in REPOSITORY.glob("src/**/*.[ch]pp"):
        used |= set(re.findall(r"#include <(boost/asio|CLI/|tl/|valijson/)", source.read_text()))
    assert used == {"boost/asio", "CLI/", "tl/", "valijson/"}
    assert names == {"libboost1.81-dev", "libcli11-dev", "libexpected-dev", "libvalijson-dev"}


def test_it_has_what_spdx_2_3_asks_for(sbom):
    assert sbom["spdxVersion"] == "SPDX-2.3" and sbom["dataLicense"] == "CC0-1.0"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", sbom["creationInfo"]["created"])
    identities = [package["SPDXID"] for package in sbom["packages"]]
    assert len(identities) == len(set(identities))
    for identity in identities:
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", identity)
    for package in sbom["packages"]:
        assert {"name", "SPDXID", "downloadLocation", "filesAnalyzed"} <= set(package)
    related = {relation["relatedSpdxElement"] for relation in sbom["relationships"]}
    assert related == set(identities)


def test_the_console_shows_what_the_server_is_made_of(sbom):
    linked = {relation["relatedSpdxElement"] for relation in sbom["relationships"]
              if relation["relationshipType"] in ("DYNAMIC_LINK", "STATIC_LINK")}
    wanted = [{"name": package["name"], "version": package["versionInfo"],
               "license": package["licenseDeclared"]}
              for package in sbom["packages"] if package["SPDXID"] in linked]
    shown = subprocess.run(["node", REPOSITORY / "console/tools/server_parts.mjs"], check=True,
                           text=True, capture_output=True).stdout
    assert json.loads(shown) == wanted


def test_the_page_is_current():
    assert (REPOSITORY / "docs/dependencies.md").read_text() == made("--page"), \
        "./dev docs writes docs/dependencies.md anew"
