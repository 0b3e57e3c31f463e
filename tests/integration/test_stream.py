"""`GET /stream` of a real server: what happens, while it does, and when it ends."""
import socket
from urllib.parse import quote

from integration.harness import wait_until
from integration.raw_mqtt import RawClient
from integration.stream_reader import StreamReader
from integration.test_administrators import add_administrator, log_in


def test_clients_sessions_and_audit_are_told_while_they_happen(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    stream = StreamReader(server, "?kinds=clients,sessions,audit,overview")
    assert stream.response.headers["Content-Type"] == "text/event-stream"
    assert stream.next(lambda told: told.kind == "overview").data["broker"]["connections"] == 0

    client = RawClient(server.mqtt, 5)
    client.connect("meter-1")
    connected = stream.next(lambda told: told.kind == "clients")
    assert connected.data["event"] == "client.connected"
    assert connected.data["client_id"] == "meter-1" and connected.id
    client.abort()
    gone = stream.next(lambda told: told.kind == "clients")
    assert gone.data["event"] == "client.disconnected"
    assert gone.data["reason"] == "connection_lost"
    server.create("/users", {"name": "meter", "password": "canary-4711"})
    audit = stream.next(lambda told: told.kind == "audit")
    assert (audit.data["operation"], audit.data["outcome"]) == ("createUser", "done")
    assert "canary-4711" not in str(audit.data)
    assert server.metrics()["sluice_streams"] == 1
    stream.close()
    wait_until(lambda: server.metrics()["sluice_streams"] == 0, "the stream is gone")


def test_what_is_looked_at_is_answered_when_it_changes(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    looked_at = ["/clients?limit=2", "/clients/meter-1?subscriptions=false", "/messages?filter=a/%23"]
    stream = StreamReader(server, "?kinds=audit&watch=" + quote(" ".join(looked_at)))

    def answer(target, wanted=lambda _: True):
        return stream.next(lambda told: told.kind == "answer" and told.data["target"] == target
                           and wanted(told.data)).data

    for target, status in zip(looked_at, (200, 404, 200)):
        assert answer(target)["status"] == status
    client = RawClient(server.mqtt, 5)
    client.connect("meter-1")
    listed = answer(looked_at[0])["body"]["items"]
    assert [item["client_id"] for item in listed] == ["meter-1"]
    shown = answer(looked_at[1], lambda data: data["status"] == 200)["body"]
    assert shown == server.get(looked_at[1])
    server.rest("POST", "/messages", {"topic": "a/b", "payload": "1"}).expect(200, 201)
    assert len(answer(looked_at[2], lambda data: data["body"]["items"])["body"]["items"]) == 1
    same = stream.next(lambda told: told.kind == "unchanged"
                       and set(looked_at[:2]) <= set(told.data["targets"]))
    assert same.id == "", "it is no event, and nobody goes on behind it"
    client.abort()
    stream.close()


def test_a_cookie_opens_it_and_it_ends_with_the_login_and_with_the_server(sluice):
    ann = add_administrator(sluice, "ann", "viewer")
    login = log_in(sluice, ann).expect(200)
    cookie = {"Cookie": f"sluice_session={login['token']}"}
    by_cookie = StreamReader(sluice, "?kinds=clients", cookie, token="")
    other = StreamReader(sluice, "?kinds=clients")
    assert by_cookie.response.status == 200

    sluice.rest("DELETE", "/session", token=login["token"]).expect(204)
    assert [told.data for told in by_cookie.wait_end()] == [{"code": "session_ended"}]
    assert StreamReader(sluice, "", cookie, token="").response.status == 401
    sluice.stop()
    other.wait_end()


def test_who_does_not_read_holds_up_nobody(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    host, port = server.address("admin")
    silent = socket.socket()
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    silent.connect((host, port))
    silent.sendall(f"GET /api/v1/stream?kinds=sessions HTTP/1.1\r\nHost: {host}:{port}\r\n"
                   f"Authorization: Bearer {server.token}\r\n\r\n".encode())
    wait_until(lambda: server.metrics()["sluice_streams"] == 1, "it listens")
    reader = StreamReader(server, "?kinds=sessions")
    client = RawClient(server.mqtt, 5)
    client.connect("busy")

    for number in range(80):  # 9 MB: more than the system keeps for a socket, and we for a reader
        name = f"{number}/{'x' * 60_000}"
        client.subscribe(name)
        client.unsubscribe(name)
        reader.next(lambda told, name=name: told.data.get("topic") == name and
                    told.data["event"] == "session.unsubscribed")

    silent.settimeout(30)
    text = b""
    while b"event: missed" not in text[-100_000:]:
        more = silent.recv(65536)
        assert more, "ended before it was told what it missed"
        text += more
    silent.close()
    client.abort()
    reader.close()
