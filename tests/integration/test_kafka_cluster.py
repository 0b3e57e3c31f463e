"""Three brokers, of which one dies: records go on to the next leader, once and in order."""
import pytest

from integration.kafka_flow import Flow
from servers.kafka_cluster import KafkaCluster

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    brokers = KafkaCluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield brokers.start()
    finally:
        brokers.kill9()


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_leaders_are_killed(make_sluice, cluster, guarantee):
    with Flow(make_sluice(), cluster, delivery={"guarantee": guarantee}) as flow:
        for partition in (0, 1):
            cluster.await_in_sync(flow.topic)
            leader = cluster.leader_of(flow.topic, partition)
            cluster.node(leader).kill9()
            assert cluster.leader_of(flow.topic, partition) != leader
            flow.publish_through(2)
            flow.server.wait_task("flow", timeout=90, status="running",
                                  lag_messages=lambda lag: lag < 300)
            cluster.start()
        flow.verify()
