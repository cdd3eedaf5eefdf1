"""Workers of a version, for deployments that have them, and those without, as they always were."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.workflow.v1 import WorkflowExecutionVersioningInfo
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.service import RPCError

from settings.model import EngineSettings, explain
from tests.workflows.shop import Checkout, Shop, eventually

BEHAVIORS = {
    "pinned": VersioningBehavior.VERSIONING_BEHAVIOR_PINNED,
    "auto_upgrade": VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE,
}


async def made_current(shop: Shop, deployment: str, build: str) -> bool:
    """Let the engine give new workflows to a version, as an operator does; tell whether it knew it."""
    current = SetWorkerDeploymentCurrentVersionRequest(
        namespace=shop.client.namespace, deployment_name=deployment, build_id=build
    )
    try:
        await shop.client.workflow_service.set_worker_deployment_current_version(current)
    except RPCError:
        return False
    return True


async def versioning(checkout: Checkout) -> WorkflowExecutionVersioningInfo:
    """Read by which version a checkout was told, and how it may move to another."""
    described = await checkout.handle.describe()
    return described.raw_description.workflow_execution_info.versioning_info


@pytest.mark.parametrize("behavior", sorted(BEHAVIORS))
async def test_a_versioned_worker_completes_a_checkout(empty_shop: Shop, behavior: str) -> None:
    """Once its version is the current one; until then no task is given to it."""
    deployment, build = f"{empty_shop.queue}-workers", "build-7"
    checkout = await empty_shop.open(await empty_shop.stock("brass-lamp", 1))
    async with empty_shop.working(
        deployment_name=deployment, worker_build_id=build, versioning_behavior=behavior
    ):
        await eventually(lambda: made_current(empty_shop, deployment, build))
        await checkout.ask()
        await checkout.pay()
        status = await checkout.ended()

    told = await versioning(checkout)
    assert status == "confirmed"
    assert told.deployment_version == WorkerDeploymentVersion(
        deployment_name=deployment, build_id=build
    )
    assert told.behavior == BEHAVIORS[behavior]
    await checkout.agreed()


async def test_a_worker_without_a_version_leaves_checkouts_without_one(shop: Shop) -> None:
    """Which is how it is unless both variables are set."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    await checkout.pay()

    assert await checkout.ended() == "confirmed"
    told = await versioning(checkout)
    assert told.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_UNSPECIFIED
    assert not told.HasField("deployment_version")


@pytest.mark.parametrize("half", ["TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID"])
def test_half_a_version_stops_the_worker_at_its_start(
    monkeypatch: pytest.MonkeyPatch, half: str
) -> None:
    """It would run without one, and nobody would know."""
    monkeypatch.setenv(half, "one-of-two")

    with pytest.raises(ValidationError) as refusal:
        EngineSettings()

    assert "BUILD_ID" in explain(refusal.value)
