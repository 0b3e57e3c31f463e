"""POST /policies:import and `sluice policy import`: policies of TDMQ, what is told of them, and what
clients may do with them then; and ours, out of one server into another."""
import json

from integration.raw_mqtt import RawClient

ALLOWED = {0, 0x10}  # also: nobody is subscribed

# As DescribeAuthorizationPolicies answers.
TDMQ = {"Response": {"RequestId": "9c44", "Data": [
    {"PolicyName": "let_in", "Priority": 1, "Effect": "allow", "Actions": "connect", "Resources": "",
     "Username": "meter*", "ClientId": "", "Ip": "0.0.0.0/0", "Qos": "0,1,2", "Retain": 3,
     "Remark": "all meters", "Version": 1, "Id": 7, "InstanceId": "mqtt-1"},
    {"PolicyName": "own", "Priority": 2, "Effect": "allow", "Actions": "pub,sub",
     "Resources": "meters/${Username}/*", "Username": "meter*", "Ip": "", "Qos": "0,1", "Retain": 3},
    {"PolicyName": "no_secret", "Priority": 3, "Effect": "deny", "Actions": "pub,sub",
     "Resources": "meters/${Username}/secret", "Ip": "", "Qos": "0,1,2", "Retain": 3}]}}


def test_tdmq_policies_hold_here_and_the_differences_are_told(sluice):
    sluice.add_user("meter-7", "secret")

    tried = sluice.rest("POST", "/policies:import?format=tdmq&dry_run=true", TDMQ).expect(200)
    assert tried["made"] == 0 and sluice.get("/policies")["items"] == []
    report = sluice.rest("POST", "/policies:import?format=tdmq", TDMQ).expect(200)

    assert report["policies"] == tried["policies"] and report["made"] == 4
    carried = {entry["name"]: entry for entry in report["policies"]}
    assert carried["let_in"]["carried"] == "whole"
    # There `own` comes first and wins over `no_secret`; here the deny does.
    assert report["differing"] == 2
    assert "`no_secret` (priority 3) wins" in carried["own"]["differences"][0]
    assert carried["own"]["made"] == ["own", "own-subscribe"]
    with RawClient(sluice.mqtt) as client:
        client.connect("c", username="meter-7", password="secret")
        assert client.publish("meters/meter-7/state", b"x", qos=1).reason in ALLOWED
        assert client.publish("meters/meter-8/state", b"x", qos=1).reason == 0x87
        assert client.publish("meters/meter-7", b"x", qos=1).reason == 0x87
        assert client.publish("meters/meter-7/secret", b"x", qos=1).reason == 0x87
        assert client.subscribe("meters/meter-7/#", qos=1) == [1]
        assert client.subscribe("meters/#", qos=1) == [0x87]

    again = sluice.rest("POST", "/policies:import?format=tdmq", TDMQ)
    assert again.status == 409 and again.body["code"] == "name_taken"
    assert len(again.body["fields"]) == 4
    for wrong, status in ((("format=emqx"), 400), ("dry_run=yes", 400), ("format=tdmq", 422)):
        assert sluice.rest("POST", "/policies:import?" + wrong, {}).status == status, wrong


def test_what_one_server_shows_another_takes(sluice, tmp_path):
    file = tmp_path / "tdmq.json"
    file.write_text(json.dumps(TDMQ))

    tried = sluice.cli("policy", "import", str(file), "--format", "tdmq", "--dry-run").stdout
    assert "own: here `no_secret` (priority 3) wins" in tried and tried.endswith("0 made\n")
    assert sluice.get("/policies")["items"] == []
    assert sluice.cli("policy", "import", "-", "--format", "tdmq",
                      stdin=json.dumps(TDMQ)).stdout.endswith("4 made\n")
    exported = sluice.cli("policy", "list", "-o", "json").stdout
    for name in ("let_in", "own", "own-subscribe", "no_secret"):
        sluice.cli("policy", "delete", name)

    assert sluice.cli("policy", "import", "-", stdin=exported).stdout.endswith("4 made\n")

    def without(policies):
        return [{name: value for name, value in policy.items()
                 if name not in ("id", "created", "updated")} for policy in policies]
    assert (without(sluice.get("/policies")["items"]) ==
            without(json.loads(exported)["items"]))
    assert sluice.cli("policy", "import", "-", stdin="{}", check=False).returncode == 1


def test_it_is_for_administrators_and_kept_in_the_audit(sluice):
    token = sluice.rest("POST", "/tokens", {"name": "op", "role": "operator"}).expect(201)["token"]
    assert sluice.rest("POST", "/policies:import", {"policies": []}, token=token).status == 403
    sluice.rest("POST", "/policies:import?format=tdmq", TDMQ).expect(200)
    kept = sluice.get("/audit?operation=importPolicies")["items"]
    assert [record["outcome"] for record in kept] == ["done", "refused"]
    assert kept[0]["after"]["made"] == 4 and kept[0]["query"] == {"format": "tdmq"}
