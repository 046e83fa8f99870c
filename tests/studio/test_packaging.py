"""A version of a service is whole, proven, reproducible, and never changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import msgspec
import pytest
from tests.studio.small_project import FILES, trained, write, write_project

from scoreline.core.model_version import ModelVersion
from scoreline.core.package import Manifest, content_digest
from scoreline.core.service import Service
from scoreline.core.service_key import make_service_key
from scoreline.errors import Conflict, Invalid, NotFound
from scoreline.node.generation import load_generation
from scoreline.storage.archives import extract_archive, read_archive
from scoreline.storage.models import ModelStore
from scoreline.storage.workspace import Workspace
from scoreline.studio.packaging import create_version, verify_package
from scoreline.studio.versions import differences, version_ids, version_of, versions_of

SERVICE = "fraud_detection"
AGE_AS_STATE = "{dataset: cards, keys: [{column: card}], columns: [{column: age, name: state}]}"


@pytest.fixture(scope="session")
def ready(tmp_path_factory) -> Path:
    """The project with its model trained."""
    folder = write_project(tmp_path_factory.mktemp("ready") / "project")
    trained(folder)
    return folder


@pytest.fixture
def project(ready: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(ready, tmp_path / "project"))


def created(folder: Path, service: str = SERVICE, version: str | None = None, **options) -> Manifest:
    return create_version(folder, service, version, by="tester", progress=lambda _line: None, **options)


def archive(folder: Path, version: str, service: str = SERVICE) -> Path:
    return Workspace(folder).versions(service) / f"{version}.zip"


def lookup_service(lookups: str) -> str:
    return f"endpoints:\n  - kind: lookup\n    id: e\n    lookups: {lookups}\n"


def leftovers(folder: Path) -> list[str]:
    """What stands in the workspace beside versions and what building made."""
    root = Workspace(folder).root
    return [path.name for path in root.rglob("*") if path.name.startswith(".unfinished")]


def test_a_version_holds_all_that_a_node_needs(project, tmp_path):
    manifest = created(project, release_notes="the first")

    folder = tmp_path / "node"
    assert extract_archive(archive(project, "v1"), folder) == manifest
    generation = load_generation(folder)
    body = msgspec.json.encode({"features": {"amount": 800, "card_id": "C_7"}})
    answer = msgspec.json.decode(generation.call("predict", "predict", body))
    assert answer["result"]["prediction"] == "yes"
    found = msgspec.json.decode(generation.call("merchant", "lookup", b'{"data": {"merchant_id": "M_1"}}'))
    assert found["results"][0]["data"] == {"state": "Wyoming", "stores": 3}


def test_a_version_carries_the_hashes_of_the_keys_that_open_it(project):
    key, kept = make_service_key("till", b"t" * 32)
    definition = project / "services" / f"{SERVICE}.yaml"
    keys = f"authorization: api_keys\napi_keys:\n  - {{label: till, sha256: {kept.sha256}}}\n"

    public = created(project)
    definition.write_text(definition.read_text() + keys)
    closed = created(project)

    with zipfile.ZipFile(archive(project, closed.version)) as package:
        service = msgspec.json.decode(package.read("service.json"), type=Service)
        assert not any(key.encode() in package.read(name) for name in package.namelist())
    assert (service.authorization, service.api_keys) == ("api_keys", (kept,))
    assert closed.digest != public.digest


def test_the_manifest_says_what_is_in_the_version_and_where_it_comes_from(project):
    manifest = created(project, release_notes="the first")

    version = ModelStore(Workspace(project).model("fraud")).active_version()
    model = manifest.models["fraud"]
    assert (manifest.project, manifest.service, manifest.version) == ("cards", SERVICE, "v1")
    assert (manifest.created_by, manifest.release_notes) == ("tester", "the first")
    assert (model.version, model.digest, model.algorithm) == ("t1", version.digest, "logistic")
    assert (model.task, model.scorer) == ("binary", "linear")
    assert model.parity_rows >= 400
    assert model.parity_max_difference <= 1e-9
    assert {lookup.dataset: lookup.rows for lookup in manifest.lookups.values()} == {
        "cards": 200,
        "merchants": 4,
    }
    assert all(lookup.digest and lookup.dataset_digest for lookup in manifest.lookups.values())
    assert {"python", "scoreline", "lmdb", "scikit-learn"} <= manifest.libraries.keys()
    assert manifest.digest == content_digest(manifest.files)


def test_ids_are_given_in_order_or_chosen(project):
    given = [created(project).version, created(project, version="spring").version, created(project).version]

    assert given == ["v1", "spring", "v2"]
    assert version_ids(Workspace(project), SERVICE) == ["v1", "v2", "spring"]
    assert [version.manifest.version for version in versions_of(Workspace(project), SERVICE)] == given


def test_the_same_inputs_give_the_same_digest_and_files(project):
    first = created(project)
    shutil.rmtree(Workspace(project).root / "digests.json", ignore_errors=True)
    second = created(project, release_notes="by another, later")

    assert first.digest == second.digest
    assert first.files == second.files


def test_a_copy_of_the_project_elsewhere_gives_the_same_digest(project, ready, tmp_path):
    other = Path(shutil.copytree(ready, tmp_path / "elsewhere"))

    assert created(project).digest == created(other).digest


@pytest.mark.parametrize("changed", ["row", "name", "endpoint", "test query"])
def test_another_content_gives_another_digest(project, changed):
    first = created(project)
    service = FILES[f"services/{SERVICE}.yaml"]
    if changed == "row":
        with (project / "data" / "merchants.csv").open("a") as file:
            file.write("M_4,Iowa,5\n")
    elif changed == "name":
        write(project, f"services/{SERVICE}.yaml", service.replace("name: card_id", "name: card"))
    elif changed == "endpoint":
        write(project, f"services/{SERVICE}.yaml", service.replace("id: merchant", "id: shop"))
    else:
        query = "    test_queries: [{query: {data: {merchant_id: M_1}}}]\n"
        write(project, f"services/{SERVICE}.yaml", service.rstrip() + "\n" + query)

    assert created(project).digest != first.digest


def test_a_version_is_never_changed(project):
    created(project, version="v1")
    before = archive(project, "v1").read_bytes()

    for same in ("v1", "V1"):
        with pytest.raises(Conflict, match="leave the id out to get 'v2'"):
            created(project, version=same)
    assert archive(project, "v1").read_bytes() == before
    assert version_ids(Workspace(project), SERVICE) == ["v1"]


@pytest.mark.parametrize("bad", ["", "a/b", "..", "../v1", "-v", "a b", "v" * 200])
def test_an_id_that_cannot_be_one_is_refused(project, bad):
    with pytest.raises(Invalid, match="cannot be the id"):
        created(project, version=bad)


def test_an_unknown_service_names_the_nearest_and_leaves_nothing(project):
    with pytest.raises(NotFound, match="did you mean 'fraud_detection'"):
        created(project, "fraud_detektion")

    assert not (Workspace(project).root / "versions").exists()


def test_a_service_without_endpoints_is_refused(project):
    write(project, "services/empty.yaml", "name: Nothing yet\n")

    with pytest.raises(Invalid, match="has no endpoints"):
        created(project, "empty")


def test_a_model_that_is_not_trained_says_what_to_run(tmp_path):
    folder = write_project(tmp_path / "project")

    with pytest.raises(NotFound, match="run: scoreline build fraud") as raised:
        created(folder)

    assert raised.value.code == "not-built"
    assert leftovers(folder) == []


def test_a_model_whose_scorer_did_not_agree_is_refused_with_the_reason(project):
    store = ModelStore(Workspace(project).model("fraud"))
    path = store.path("t1") / "version.json"
    version = msgspec.json.decode(path.read_bytes(), type=ModelVersion)
    path.write_bytes(
        msgspec.json.encode(
            msgspec.structs.replace(version, scorer=None, scorer_problem="the linear scorer differs: row 7")
        )
    )

    with pytest.raises(
        Invalid, match="version t1 cannot be packaged: the linear scorer differs: row 7"
    ) as raised:
        created(project)

    assert raised.value.code == "no-scorer"
    assert leftovers(project) == []


@pytest.mark.parametrize("missing", ["parity", "passed"])
def test_a_scorer_without_a_passed_parity_report_is_not_used(project, missing):
    path = ModelStore(Workspace(project).model("fraud")).path("t1") / "version.json"
    version = msgspec.json.decode(path.read_bytes(), type=ModelVersion)
    failed = msgspec.structs.replace(version.parity, passed=False)
    parity = None if missing == "parity" else failed
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(version, parity=parity)))

    with pytest.raises(Invalid, match="cannot be packaged"):
        created(project)


def test_a_scorer_that_was_changed_on_disk_is_refused(project):
    scorer = ModelStore(Workspace(project).model("fraud")).path("t1") / "scorer" / "scorer.json"
    scorer.write_bytes(scorer.read_bytes() + b" ")

    with pytest.raises(Invalid, match=r"scorer\.json"):
        created(project)


def test_a_dataset_that_is_not_built_says_what_to_run(project):
    write(project, "datasets/made.yaml", "kind: managed\n")
    write(project, "services/s.yaml", lookup_service("[{dataset: made, keys: [{column: id}]}]"))

    with pytest.raises(NotFound, match="scoreline build made") as raised:
        created(project, "s")
    assert raised.value.code == "not-built"


def test_a_column_that_the_dataset_lacks_names_the_nearest(project):
    # Its columns are only known from its rows, so reading the project does not notice.
    write(project, "datasets/shops.yaml", "kind: files\npath: data/merchants.csv\n")
    for lookup in (
        "{dataset: shops, keys: [{column: merchant}]}",
        "{dataset: shops, keys: [{column: merchant_id}], columns: [{column: merchant}]}",
    ):
        write(project, "services/s.yaml", lookup_service(f"[{lookup}]"))
        with pytest.raises(NotFound, match="no column 'merchant'; did you mean 'merchant_id'"):
            created(project, "s")


@pytest.mark.parametrize(
    ("lookups", "words"),
    [
        (
            f"[{{dataset: merchants, keys: [{{column: merchant_id}}]}}, {AGE_AS_STATE}]",
            "'merchants' and 'cards' both give a column 'state'",
        ),
        (
            "[{dataset: merchants, keys: [{column: merchant_id, name: state}]}]",
            "under which the query carries the key",
        ),
    ],
)
def test_columns_that_would_overwrite_one_another_are_refused(project, lookups, words):
    write(project, "services/s.yaml", lookup_service(lookups))

    with pytest.raises(Invalid, match=words):
        created(project, "s")


def test_lookups_of_the_same_rows_are_packed_once(project):
    lookup = "{dataset: cards, keys: [{column: card, name: NAME}], columns: [{column: age, name: COLUMN}]}"
    first = lookup.replace("NAME", "payer").replace("COLUMN", "payer_age")
    second = lookup.replace("NAME", "payee").replace("COLUMN", "payee_age")
    write(project, "services/s.yaml", lookup_service(f"[{first}, {second}]"))

    manifest = created(project, "s")

    assert len(manifest.lookups) == 1
    _, service = read_archive(archive(project, "v1", "s"))
    assert len(service.endpoints[0].lookups) == 2


def test_all_columns_are_frozen_by_name_without_the_key(project):
    created(project)

    _, service = read_archive(archive(project, "v1"))

    merchant = service.endpoints[1].lookups[0]
    assert [column.column for column in merchant.columns] == ["state", "stores"]


def test_what_a_killed_process_left_is_swept(project):
    versions = Workspace(project).versions(SERVICE)
    (versions / ".unfinished-abc" / "package").mkdir(parents=True)
    (versions / ".unfinished-abc" / "package" / "half").write_text("half")

    created(project)

    assert [path.name for path in versions.iterdir()] == ["v1.zip"]


FULL_DISK = """
import resource, sys
from pathlib import Path
from scoreline.errors import Unavailable
from scoreline.studio.packaging import create_version
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    create_version(Path(sys.argv[1]), "fraud_detection", by="tester", progress=lambda line: None)
except Unavailable as error:
    print(error.message)
"""


@pytest.mark.parametrize("largest", [100, 3_000, 9_000])
def test_a_disk_that_takes_no_more_is_said_and_leaves_nothing(project, largest):
    # The size a file may have is limited, which fails where a full disk would.
    created(project)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(project), str(largest)], capture_output=True, text=True
    )

    assert "cannot" in done.stdout, done.stderr
    assert [path.name for path in Workspace(project).versions(SERVICE).iterdir()] == ["v1.zip"]


def test_versions_made_at_once_get_ids_of_their_own(project):
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.append(created(project).version)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(made) == ["v1", "v2", "v3"]


def test_an_archive_that_was_changed_does_not_pass_verification(project, tmp_path):
    created(project)
    sound = archive(project, "v1")
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(changed, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry, content.replace(b"Wyoming", b"Montana"))

    assert verify_package(sound).version == "v1"
    with pytest.raises(Invalid, match="changed"):
        verify_package(changed)


def test_what_changed_between_versions_is_told_by_part(project):
    created(project)
    with (project / "data" / "merchants.csv").open("a") as file:
        file.write("M_4,Iowa,5\n")
    service = FILES[f"services/{SERVICE}.yaml"]
    write(
        project,
        f"services/{SERVICE}.yaml",
        service.replace("model: fraud\n", "model: fraud\n    description: new\n"),
    )
    created(project)
    write(project, f"services/{SERVICE}.yaml", "endpoints:\n" + service[service.index("  - kind: lookup") :])
    created(project)

    workspace = Workspace(project)
    first, second, third = (version_of(workspace, SERVICE, name) for name in ("v1", "v2", "v3"))
    assert [(each.part, each.id, each.change) for each in differences(first, second)] == [
        ("endpoint", "predict", "changed"),
        ("lookup", "merchants", "changed"),
    ]
    assert [each.detail.split(" (")[0] for each in differences(first, second)] == ["description", "4 rows"]
    assert [(each.part, each.id, each.change) for each in differences(second, third)] == [
        ("endpoint", "predict", "removed"),
        ("model", "fraud", "removed"),
        ("lookup", "cards", "removed"),
    ]
    assert differences(third, third) == []


def test_a_version_that_is_not_there_names_the_nearest(project):
    workspace = Workspace(project)
    with pytest.raises(NotFound, match="scoreline version create"):
        version_of(workspace, SERVICE, "v1")
    created(project)
    with pytest.raises(NotFound, match="did you mean 'v1'"):
        version_of(workspace, SERVICE, "v11")
    with pytest.raises(NotFound, match="did you mean 'fraud_detection'"):
        versions_of(workspace, "fraud_detektion")
