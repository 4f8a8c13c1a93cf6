"""Where a process is not drawn yet, somebody is asked to do it by hand."""

from __future__ import annotations

from tests.world import World


def test_what_is_not_drawn_becomes_a_duty_of_the_role_that_would_have_begun_it(world: World) -> None:
    world.child()
    world.start("social_aid_needed")
    duty = world.open("manual-duty", "t1")
    assert duty["role"] == "township_worker"
    world.send("t1", "manual-duty")
    assert world.ended("manual-duty") == [["x1"]]


def test_every_message_without_a_diagram_finds_somebody(world: World) -> None:
    world.child()
    library = world.library
    undrawn = [
        name for name, rules in library.messages.items() if rules["starts"] and rules["starts"] not in library.diagrams
    ]
    for message in undrawn:
        world.tell(message)
    assert len(world.todo_of("manual-duty")) == len(undrawn)
