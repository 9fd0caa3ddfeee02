from customer_segmentation.steps import (
    CANDIDATE_COLUMNS,
    StudySettings,
    duckdb_projection,
    previous_rows,
    study_columns,
    study_feature_sets,
    study_inputs,
)


def model(dbt, session):
    dbt.config(materialized="table")
    columns_of = study_columns(
        dbt.config.meta_get("features"), dbt.config.meta_get("other_feature_sets")
    )
    customers = dbt.ref("study_features").filter("is_in_fit")

    def rows_of(feature_set):
        return customers.filter(
            " and ".join(f"{name} is not null" for name in columns_of[feature_set])
        )

    candidates = study_feature_sets(
        study_inputs(rows_of, columns_of=columns_of),
        lambda feature_set: (
            rows_of(feature_set)
            .order("customer_unique_id")
            .project(", ".join(columns_of[feature_set]))
            .df()
        ),
        features_of=columns_of,
        settings=StudySettings.from_mapping(
            dbt.config.meta_get("study"),
            n_clusters=dbt.config.meta_get("n_clusters"),
            transforms=dbt.config.meta_get("transforms"),
        ),
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(line, flush=True),
    )
    return session.from_df(candidates).project(duckdb_projection(CANDIDATE_COLUMNS))
