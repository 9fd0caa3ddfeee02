"""What dbt_project.yml states of each setting, and what is refused because of it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from pathlib import Path

import jinja2
import pytest
import yaml

from conftest import model_properties
from customer_segmentation.intake import default_settings, project_vars, settings_problems
from customer_segmentation.intake.settings import A_TYPE
from customer_segmentation.steps.naming import MEASURES

PROJECT = Path(__file__).resolve().parents[2]
VARS = project_vars(PROJECT)
STATED = VARS["settings"]


def stated_values() -> dict[str, dict]:
    """Return each statement of one value by its name; that of a group has a point in it."""
    found = {}
    for name, one in STATED.items():
        if "settings" in one:
            found |= {f"{name}.{key}": value for key, value in one["settings"].items()}
        else:
            found[name] = one
    return found


# --- the statements themselves --------------------------------------------------------------------------


def test_there_are_few_settings_and_each_is_stated_once() -> None:
    assert len(STATED) <= 25
    # A name that is at the top and in a group too would be taken for the other one.
    for one in STATED.values():
        assert not set(one.get("settings", ())) & set(STATED)


@pytest.mark.parametrize(("name", "one"), stated_values().items(), ids=stated_values())
def test_a_statement_says_what_the_setting_means_and_must_be(name: str, one: dict) -> None:
    assert set(one) - {"for_orders"} == {"meaning", "default", "must_be"}
    assert re.fullmatch(r'(?s)["A-Za-z].*\.\s*', one["meaning"])
    assert one["must_be"]["type"] in A_TYPE
    group, _, key = name.partition(".")
    for default in (one["default"], one.get("for_orders", one["default"])):
        given = {group: {key: default}} if key else {group: default}
        assert settings_problems(VARS, given) == []


def test_defaults_are_those_stated() -> None:
    defaults = default_settings(PROJECT)
    assert list(defaults) == list(STATED)
    assert (defaults["n_clusters"], defaults["engine"]["n_init"]) == (4, 10)
    assert settings_problems(VARS, defaults) == []


def test_every_setting_is_read_and_every_name_that_is_read_is_stated() -> None:
    read = set()
    for folder in ("models", "macros", "analyses", "tests/singular"):
        for path in [*(PROJECT / folder).rglob("*.sql"), *(PROJECT / folder).rglob("*.yml")]:
            for group, key in re.findall(
                r"""(?<!\w)setting\(['"](\w+)['"](?:, ['"](\w+)['"])?\)""", path.read_text("utf-8")
            ):
                read.add(f"{group}.{key}" if key else group)
    by_group = {name for name in read if "settings" in STATED.get(name, ())}
    assert read - by_group <= set(stated_values())
    python = "".join(
        path.read_text("utf-8")
        for folder in ("models", "python/customer_segmentation/steps")
        for path in (PROJECT / folder).rglob("*.py")
    )
    for name in set(stated_values()) - read:
        assert re.search(rf"\b{name.split('.')[-1]}\b", python), f"nothing reads {name}"


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"n_clusters": 1}, "n_clusters is 1; it must be a whole number from 2 to 100 (clusters)."),
        ({"n_clusters": 4.0}, "n_clusters is 4.0; it must be a whole number"),
        ({"n_clusters": True}, "n_clusters is true; it must be a whole number"),
        ({"n_clusters": None}, "n_clusters is null; it must be a whole number"),
        ({"n_clusters": "four"}, "n_clusters is 'four'; it must be a whole number"),
        ({"n_clusters": [4]}, "n_clusters is [4]; it must be a whole number"),
        ({"seed": -1}, "seed is -1; it must be a whole number from 0 to 4294967295."),
        ({"max_rejected_share": 2}, "max_rejected_share is 2; it must be a number from 0 to 1"),
        ({"max_rejected_share": float("nan")}, "max_rejected_share is nan; it must be"),
        ({"minimum_silhouette": -1.5}, "minimum_silhouette is -1.5; it must be a number from -1"),
        ({"largest_amount": 0}, "largest_amount is 0; it must be a number above 0 (BRL)."),
        ({"largest_amount": float("inf")}, "largest_amount is inf; it must be at most 4294967295."),
        (
            {"largest_gap_days": 0},
            "largest_gap_days is 0; it must be a whole number from 1 to 100000",
        ),
        ({"history_months": 0}, "history_months is 0; it must be a whole number from 1 to 1200"),
        ({"allow_fewer_rows": 1}, "allow_fewer_rows is 1; it must be true or false."),
        ({"allow_future_times": "maybe"}, "allow_future_times is 'maybe'; it must be true or"),
        ({"order_basis": "shipped"}, "order_basis is 'shipped'; it must be placed or delivered."),
        ({"refresh_mode": None}, "refresh_mode is null; it must be every_period or as_decided."),
        ({"first_as_of_date": "2017-04-15"}, "first_as_of_date is '2017-04-15'; it must be the f"),
        ({"first_as_of_date": datetime.date(2017, 4, 2)}, "first_as_of_date is '2017-04-02'; it"),
        ({"baseline_as_of_date": "soon"}, "baseline_as_of_date is 'soon'; it must be the first o"),
        ({"question_as_of_date": "2018-02-29"}, "question_as_of_date is '2018-02-29'; it must be"),
        ({"question_as_of_date": "20180228"}, "question_as_of_date is '20180228'; it must be a d"),
        ({"study_as_of_date": 2018}, "study_as_of_date is 2018; it must be a date such as"),
        ({"study_as_of_date": datetime.datetime(2018, 1, 1, 5)}, "study_as_of_date is '2018-01-0"),
        ({"force_retrain": "latest"}, "force_retrain is 'latest'; it must be a list of differen"),
        ({"force_retrain": ["2018-13-01"]}, "force_retrain is [2018-13-01]; it must be a list"),
        ({"segmentation_features": []}, "segmentation_features is []; it must be a list of"),
        ({"segmentation_features": ["age"]}, "segmentation_features is [age]; it must be a list"),
        ({"segmentation_features": ["monetary"] * 2}, "segmentation_features is [monetary, monet"),
        ({"feature_transforms": {"monetary": "sqrt"}}, "feature_transforms of monetary is 'sqrt';"),
        ({"feature_transforms": {"age": "log1p"}}, "feature_transforms names age; it can name rec"),
        ({"feature_transforms": ["log1p"]}, "feature_transforms is [log1p]; it must be a mapping,"),
        ({"largest_missing_shares": {"orders": 0.1}}, "largest_missing_shares names orders; it"),
        (
            {"largest_missing_shares": {"orders_without_review": 2}},
            "largest_missing_shares of orders_without_review is 2; it must be a number from 0 to 1",
        ),
        (
            {"largest_missing_shares": {"orders_without_review": None}},
            "largest_missing_shares of orders_without_review is null; it must be a number",
        ),
        ({"engine": {"n_init": 0}}, "engine.n_init is 0; it must be a whole number, 1 or more"),
        ({"engine": {"n_inti": 5}}, "engine has no setting n_inti; did you mean n_init?"),
        ({"engine": {"zzz": 5}}, "engine has no setting zzz; it has maximum_as_of_dates, "),
        ({"engine": 5}, "engine is 5; it must be a mapping, such as {maximum_as_of_dates: 600}."),
        ({"study": {"cluster_counts": [1, 2]}}, "study.cluster_counts is [1, 2]; it must be a"),
        ({"study": {"inits": ["pca"]}}, "study.inits is [pca]; it must be a list of different"),
        (
            {"study": {"other_feature_sets": {"mine": ["age"]}}},
            "study.other_feature_sets of mine is [age]; it must be a list of different values",
        ),
        ({"outcomes": {"horizon_days": []}}, "outcomes.horizon_days is []; it must be a list of"),
        ({"outcomes": {"horizon_days": [30, 30]}}, "outcomes.horizon_days is [30, 30]; it must"),
        ({"outcomes": {"control_effect": 0}}, "outcomes.control_effect is 0; it must be a number"),
        (
            {"study": {"other_feature_sets": {"in_use": ["monetary"]}}},
            "study.other_feature_sets names in_use, which is the project's own; give it another name.",
        ),
        (
            {"study": {"other_feature_sets": {"": ["monetary"]}}},
            "study.other_feature_sets names ''; a name is text without blanks around it.",
        ),
        (
            {"study": {"other_feature_sets": {5: ["monetary"]}}},
            "study.other_feature_sets names 5; a name is text without blanks around it.",
        ),
        (
            {"study": {"judged_clusters": {"money": 3}}},
            "study.judged_clusters names money; study.other_feature_sets has rfm_satisfaction.",
        ),
        (
            {"outcomes": {"comparison_horizon_days": 60}},
            "outcomes.comparison_horizon_days is 60; it must be one of outcomes.horizon_days, [30,",
        ),
        (
            {"outcomes": {"horizon_days": [30]}},
            "outcomes.comparison_horizon_days is 90; it must be one of outcomes.horizon_days, [30].",
        ),
        ({"n_cluster": 5}, "there is no setting n_cluster; did you mean n_clusters?"),
        ({"n_init": 5}, "there is no setting n_init; it is one of engine: write {engine: {n_"),
        ({"null_seed": 5}, "there is no setting null_seed; did you mean engine.null_seeds?"),
        (
            {"exact_silhouette_rows": 5},
            "there is no setting exact_silhouette_rows; it is one of study and of engine: write"
            " {study: {exact_silhouette_rows: …}} or {engine: {exact_silhouette_rows: …}}.",
        ),
        ({"zzz": 5}, "there is no setting zzz; dbt_project.yml has all of them, and seeds what a"),
        ({4: 5}, "there is no setting 4; dbt_project.yml has all of them"),
        (
            {"n_clusters": 10**9},
            "n_clusters is 1000000000; it must be a whole number from 2 to 100",
        ),
        (
            {"minimum_customers": 10**12},
            "minimum_customers is 1000000000000; it must be at most 4294967295.",
        ),
        ({"history_months": 10**6}, "history_months is 1000000; it must be a whole number from"),
        ({"settings": {}}, "there is no setting settings; "),
        # A graph in which everybody is joined with one other is none that can be cut.
        (
            {"study": {"spectral_neighbors": [1]}},
            "study.spectral_neighbors is [1]; it must be a list of different values, each a whole number, 2 or more",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(given: dict, sentence: str) -> None:
    (problem,) = settings_problems(VARS, given)
    assert problem.startswith(sentence)
    assert problem.endswith((".", "?"))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"n_clusters": 3, "seed": 0, "minimum_silhouette": -1},
        {"max_rejected_share": 1, "largest_gap_days": None, "history_months": None},
        {"first_as_of_date": datetime.date(2018, 1, 1), "study_as_of_date": "2018-02-28"},
        {"force_retrain": ["latest", datetime.date(2018, 5, 15), "2018-06-01"]},
        {"feature_transforms": {"monetary": "robust", "frequency": None}},
        {"largest_missing_shares": {"orders_without_review": 1}},
        {"engine": {"n_init": 20}, "study": {"interval_months": None}},
        {"study": {"spectral_neighbors": [], "other_feature_sets": {"rfm_satisfaction": None}}},
        {"study": {}, "engine": {}},
    ],
)
def test_settings_that_can_be_used_are_taken(given: dict) -> None:
    assert settings_problems(VARS, given) == []


def test_values_beside_the_statements_are_looked_at_too() -> None:
    assert settings_problems(VARS | {"n_clusters": 5}, {}) == []
    (problem,) = settings_problems(VARS | {"n_clustres": 5}, {})
    assert problem == "there is no setting n_clustres; did you mean n_clusters?"
    (problem,) = settings_problems(VARS | {"n_clusters": 1}, {})
    assert problem.startswith("n_clusters is 1;")
    # What is given for one build counts.
    assert settings_problems(VARS | {"n_clusters": 1}, {"n_clusters": 2}) == []


# --- the macro that gives them --------------------------------------------------------------------------


class ReturnError(Exception):
    """What a macro gives back."""


def setting(*names: str, given: dict | None = None, adapter: str = "olist") -> object:
    """Return what macro setting gives, without dbt."""

    def give_back(value: object) -> None:
        raise ReturnError(value)

    def refuse(sentence: str) -> None:
        raise ValueError(sentence)

    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    environment.globals |= {
        "var": (VARS | {"adapter": adapter} | (given or {})).get,
        "exceptions": {"raise_compiler_error": refuse},
        "return": give_back,
    }
    source = (PROJECT / "macros/settings.sql").read_text("utf-8")

    def callable_macro(name: str) -> Callable[..., object]:
        """Return a macro as one of dbt's is called: what it gives back is its value."""
        text = re.search(rf"(?s){{% macro {name}\(.*?endmacro %}}", source)[0]
        macro = getattr(environment.from_string(text).module, name)

        def call(*arguments: object) -> object:
            try:
                macro(*arguments)
            except ReturnError as returned:
                return returned.args[0]
            raise AssertionError("nothing was returned")

        return call

    # Each uses those before it.
    for name in ("default_of", "setting_value", "setting"):
        environment.globals[name] = callable_macro(name)
    return environment.globals["setting"](*names)


@pytest.mark.parametrize(
    ("names", "given", "value"),
    [
        (["n_clusters"], {}, 4),
        (["n_clusters"], {"n_clusters": 3}, 3),
        (["largest_gap_days"], {"largest_gap_days": None}, None),
        (["engine", "n_init"], {}, 10),
        (["engine", "n_init"], {"engine": {"n_init": 20}}, 20),
        (["engine", "max_iter"], {"engine": {"n_init": 20}}, 300),
        (["study", "interval_months"], {"study": {"interval_months": None}}, None),
        (["first_as_of_date"], {"first_as_of_date": datetime.date(2018, 1, 1)}, "2018-01-01"),
        (["force_retrain"], {"force_retrain": [datetime.date(2018, 5, 1)]}, ["2018-05-01"]),
        (["feature_transforms"], {"feature_transforms": {"monetary": None}}, {}),
        (["study", "other_feature_sets"], {"study": {"other_feature_sets": {"a": ["b"]}}}, None),
    ],
)
def test_one_key_leaves_the_others(names: list[str], given: dict, value: object) -> None:
    if value is None and names[-1] == "other_feature_sets":
        value = STATED["study"]["settings"]["other_feature_sets"]["default"] | {"a": ["b"]}
    assert setting(*names, given=given) == value
    # The statements are as they were.
    assert project_vars(PROJECT) == VARS


def test_somebody_s_own_orders_have_defaults_of_their_own() -> None:
    assert setting("first_as_of_date", adapter="orders") is None
    assert setting("study", "other_feature_sets", adapter="orders") == {}
    transforms = setting(
        "feature_transforms", given={"feature_transforms": {"monetary": None}}, adapter="orders"
    )
    assert transforms == {"recency_days": "log1p", "frequency": "log1p"}
    shops = default_settings(PROJECT, adapter="orders")
    assert all(setting(name, adapter="orders") == value for name, value in shops.items())
    assert all(setting(name) == value for name, value in default_settings(PROJECT).items())


def test_a_group_is_given_whole() -> None:
    group = setting("engine", given={"engine": {"n_init": 20}})
    assert group == default_settings(PROJECT)["engine"] | {"n_init": 20}
    shares = setting(
        "largest_missing_shares", given={"largest_missing_shares": {"sellers_missing": 1}}
    )
    assert shares == STATED["largest_missing_shares"]["default"] | {"sellers_missing": 1}


@pytest.mark.parametrize(
    ("names", "given", "sentence"),
    [
        (["n_cluster"], {}, "There is no setting n_cluster in"),
        (["engine", "n_inti"], {}, "There is no setting engine.n_inti in"),
        (["n_clusters"], {"n_clusters": "four"}, "n_clusters is four; it must be a whole number"),
        (["n_clusters"], {"n_clusters": None}, "n_clusters is None; it must be a whole number"),
        (["segmentation_features"], {"segmentation_features": None}, "must be a list"),
        (["segmentation_features"], {"segmentation_features": "monetary"}, "must be a list"),
        (["feature_transforms"], {"feature_transforms": [1]}, "must be a mapping"),
        (["engine", "n_init"], {"engine": 5}, "engine is 5; it must be a mapping"),
    ],
)
def test_what_models_cannot_be_read_with_stops_at_once(
    names: list[str], given: dict, sentence: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        setting(*names, given=given)


def test_the_head_of_the_file_explains_every_word() -> None:
    text = (PROJECT / "dbt_project.yml").read_text("utf-8")
    head = text[: text.index("\nvars:")]
    words = {word for one in stated_values().values() for word in one["must_be"]}
    assert words == {word for word in words if re.search(rf"\b{word}\b", head)}
    assert yaml.safe_load(text)["vars"] == VARS


# --- features -------------------------------------------------------------------------------------------


def test_features_are_stated_in_the_words_that_the_head_explains() -> None:
    text = (PROJECT / "dbt_project.yml").read_text("utf-8")
    head = text[text.index("# Every feature is stated") : text.index("\n  features:")]
    for name, one in VARS["features"].items():
        assert one["of"] in ("rfm", "customer_facts"), name
        assert one["unit"]
        assert all(re.search(rf"\b{word}\b", head) for word in one), name
        assert one.get("bands", []) == sorted(one.get("bands", []))


def columns_of(model: str) -> set[str]:
    """Return the columns of a public model, by its contract."""
    (described,) = [
        one
        for properties in model_properties()
        for one in (properties.get("models") or [])
        if one["name"] == model
    ]
    return {column["name"] for column in described["columns"]}


def test_every_feature_has_its_columns() -> None:
    features = VARS["features"]
    tables = {name: columns_of(name) for name in ("rfm", "customer_facts")}
    for name, one in features.items():
        assert one.get("column", name) in tables[one["of"]], name
    described = {name for name, one in features.items() if one.get("is_described")}
    assert described <= columns_of("customer_360")
    limits = {name for name, one in features.items() if one.get("has_limits")}
    assert {f"{end}_{name}" for end in ("minimum", "below") for name in limits} == {
        name for name in columns_of("segment_rules") if name.startswith(("minimum_", "below_"))
    }
    wanted = {f"{how}_{name}" for how in ("mean", "median") for name in described}
    assert wanted == {
        name for name in columns_of("segment_profiles") if name.startswith(("mean_", "median_"))
    }


def test_the_playbook_limits_measures_of_features() -> None:
    assert {feature for feature, _ in MEASURES.values()} <= set(VARS["features"])
    header = (PROJECT / "seeds/segment_playbook.csv").read_text("utf-8").splitlines()[0].split(",")
    limits = {f"{end}_{name}" for end in ("minimum", "maximum") for name in MEASURES}
    assert limits == set(header) - {"segment_code", "rule_order"}


def test_a_feature_is_typed_once() -> None:
    """No other list of features: three of them side by side are a copy."""
    names = "recency_days|frequency|monetary|average_review_score"
    copy = re.compile(rf"""(['"]({names})['"],\s*){{2}}['"]({names})['"]""")
    for folder in ("models", "macros", "python/customer_segmentation"):
        for path in (PROJECT / folder).rglob("*.*"):
            if path.suffix in (".sql", ".py", ".yml"):
                assert not copy.search(path.read_text("utf-8")), path
