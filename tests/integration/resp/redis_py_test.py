#!/usr/bin/python3
"""redis-py as it is, in both protocols.

    redis_py_test.py PORT
"""

import sys

import redis

port = int(sys.argv[1])


def use(protocol):
    client = redis.Redis(port=port, protocol=protocol, client_name="tester")
    assert client.ping()
    client.delete("a", "b", "c")
    assert client.set("a", "1", ex=100)
    assert client.get("a") == b"1"
    assert 0 < client.ttl("a") <= 100
    assert client.set("a", "2", nx=True) is None
    assert client.set("a", "3", xx=True, get=True) == b"1"
    assert client.set("a", b"\0\xff\r\n", keepttl=True)
    assert client.getex("a", persist=True) == b"\0\xff\r\n"
    assert client.ttl("a") == -1
    assert client.mset({"b": "1", "c": "2"})
    assert client.mget("a", "b", "nothing") == [b"\0\xff\r\n", b"1", None]
    assert client.exists("a", "b", "nothing") == 2
    assert client.expire("b", 100, nx=True) and client.persist("b")
    assert sorted(client.scan_iter(match="[bc]")) == [b"b", b"c"]
    assert client.type("a") == b"string"
    assert client.dbsize() >= 3
    assert client.memory_usage("a") > 0
    assert client.config_get("maxmemory*")["maxmemory-policy"] == "allkeys-lru"
    assert client.info()["redis_version"].startswith("7.")
    assert client.client_getname() in ("tester", b"tester")  # by protocol
    assert client.client_id() > 0
    assert client.command_count() > 30
    with client.pipeline(transaction=False) as pipeline:
        for i in range(1000):
            pipeline.set("p", i).get("p")
        replies = pipeline.execute()
    assert replies[1::2] == [str(i).encode() for i in range(1000)]
    try:
        client.lpush("a", "b")
        raise AssertionError("there are no lists")
    except redis.ResponseError as error:
        assert "unknown command" in str(error)
    assert client.delete("a", "b", "c", "p") == 4
    client.close()


for version in (2, 3):
    use(version)
    print(f"ok - redis-py {redis.__version__}, RESP{version}")
