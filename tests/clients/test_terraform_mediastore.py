from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

CONTAINERS = """
resource "aws_media_store_container" "films" {
  name = "films"
  tags = { team = "red" }
}

resource "aws_media_store_container" "songs" {
  name = "songs"
}

resource "aws_media_store_container_policy" "films" {
  container_name = aws_media_store_container.films.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "MediaStoreFullAccess"
      Effect    = "Allow"
      Action    = "mediastore:*"
      Principal = { AWS = "*" }
      Resource  = "${aws_media_store_container.films.arn}/*"
      Condition = { Bool = { "aws:SecureTransport" = "true" } }
    }]
  })
}

output "endpoint" { value = aws_media_store_container.films.endpoint }
"""


def test_containers_and_their_policies_apply_plan_clean_and_are_destroyed(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, CONTAINERS)
    stack.apply()
    assert stack.plan_is_empty()
    mediastore = aws.client("mediastore")
    found = mediastore.describe_container(ContainerName="films")["Container"]
    assert stack.run("output", "-raw", "endpoint") == found["Endpoint"]
    tags = mediastore.list_tags_for_resource(Resource=found["ARN"])["Tags"]
    assert tags == [{"Key": "team", "Value": "red"}]
    stack.destroy()
    assert mediastore.list_containers()["Containers"] == []
