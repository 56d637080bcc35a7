"""The parts of profiles in the how-to on other answers are sound."""

import re
import textwrap
from pathlib import Path

import pytest
import yaml

from syncline.profile.loader import parse_profile
from syncline.profile.schema import Profile

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "other-answers.md"
RECIPES = re.findall(r"```yml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
HEAD = """
name: Recipes
auth: [{scheme: None}]
base_url: https://api.example.com
settings: {Boards: {}}
"""
TEAMS = "tables:\n  Teams: {path: /teams, primary_key: [id], columns: {id: string}}\n"


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_a_sound_part_of_a_profile(recipe: str) -> None:
    # A part of a profile, or of its tables.
    whole = yaml.safe_load(recipe).keys() <= Profile.model_fields.keys()
    parts = recipe + TEAMS if whole else TEAMS + textwrap.indent(recipe, "  ")
    assert parse_profile(HEAD + parts, "recipe.yaml").tables


def test_there_are_recipes() -> None:
    assert len(RECIPES) == 14
