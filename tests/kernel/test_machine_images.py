"""Public images: of one name each, under parameters of one each."""

from __future__ import annotations

from pileus.kernel.machine_images import by_id, images


def test_no_two_images_share_a_name_an_id_or_a_parameter():
    every = images()
    assert len({image.name for image in every}) == len(every) == len(by_id("eu-west-1"))
    parameters = [name for image in every for name in image.parameters]
    assert len(set(parameters)) == len(parameters)


def test_ids_are_the_same_at_every_start_and_others_in_another_region():
    assert not by_id("us-east-1").keys() & by_id("eu-west-1").keys()
    assert images()[0].id("us-east-1") == images()[0].id("us-east-1")
