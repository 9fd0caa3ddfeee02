{#- How dbt was called and where it writes: what cannot end well stops with one line, before any table is replaced. -#}

{% macro check_caller() -%}
    {{ return(adapter.dispatch('check_caller')()) }}
{%- endmacro %}

{% macro duckdb__check_caller() -%}
    {% if execute %}
        {{ check_retried_run() }}
        {% if flags.WHICH in ['run', 'build'] %}{{ check_module_path() }}{% endif %}
    {% endif %}
{%- endmacro %}

{% macro check_retried_run() -%}
    {#-
        `dbt retry` and the selector result: go by the results of an earlier run. Where that run went into another database, as
        `make build` does, they would build on tables that it has not made.
    -#}
    {% set state = invocation_args_dict.get('state') %}
    {% set selected = (invocation_args_dict.get('select') or []) | join(' ') %}
    {% if 'retry' in flags.INVOCATION_COMMAND.split() or 'result:' in selected %}
        {% set folder = (state or adapter.config.target_path) | string %}
        {% set folder = folder if folder.startswith('/') else adapter.config.project_root ~ '/' ~ folder %}
        {% set results = first_values("select file from glob(" ~ sql_text(folder ~ "/run_results.json") ~ ")") %}
        {% set run_ids = first_values(
            "select content ->> '$.metadata.invocation_id' from read_text(" ~ sql_text(results[0]) ~ ")"
        ) if results else [] %}
        {% set has_history = first_values(
            "select count(*) from duckdb_tables() where database_name = current_database() and schema_name || '.' || table_name = "
            ~ sql_text(run_history_table())
        ) %}
        {% set known = first_values(
            "select count(*) from " ~ run_history_table() ~ " where run_id = " ~ sql_text(run_ids | first)
        ) if has_history[0] and run_ids else [0] %}
        {% if not known[0] %}
            {{ exceptions.raise_compiler_error(
                "The run to go on from was not one on " ~ target.path ~ ", so its results say nothing about it (`make build` builds "
                ~ "beside the published database); nothing was replaced. Run `make build`, or `dbt build`."
            ) }}
        {% endif %}
    {% endif %}
{%- endmacro %}

{% macro check_module_path() -%}
    {#- The Python models import python/customer_segmentation, whose folder the profile names. -#}
    {% set folders = (adapter.config.credentials.module_paths or []) | list %}
    {% set package = '/customer_segmentation/__init__.py' %}
    {% set found = [] %}
    {% for folder in folders if first_values("select file from glob(" ~ sql_text(folder ~ package) ~ ")") %}
        {% do found.append(folder) %}
    {% endfor %}
    {% if not found %}
        {% for folder in env_var('PYTHONPATH', '').split(':') if folder
            and first_values("select file from glob(" ~ sql_text(folder ~ package) ~ ")") %}
            {% do found.append(folder) %}
        {% endfor %}
    {% endif %}
    {% if not found %}
        {{ exceptions.raise_compiler_error(
            "The Python models cannot find customer_segmentation; nothing was replaced. Name the project's profiles.yml (`--profiles-dir "
            ~ adapter.config.project_root ~ "`), or add module_paths: [" ~ adapter.config.project_root ~ "/python] to your profile."
        ) }}
    {% endif %}
{%- endmacro %}

{% macro check_database() -%}
    {#- Before any table is made: a file that holds tables of something else is not written to. -#}
    {% if execute and target.type == 'duckdb' and flags.WHICH in ['run', 'build', 'seed', 'test'] %}
        {% set foreign = first_values(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = current_database() "
            ~ "and not exists (from duckdb_tables() where database_name = current_database() and schema_name || '.' || table_name "
            ~ "in ('maintenance_work.run_history', 'maintenance.run_history', 'seeds.segment_playbook', 'staging.csv_rejects')) order by all limit 3"
        ) %}
        {% if foreign %}
            {{ exceptions.raise_compiler_error(
                "SEGMENTATION_DATABASE=" ~ target.path ~ " is not a database of this project: it holds " ~ foreign | join(', ')
                ~ ". Nothing was written to it. Give SEGMENTATION_DATABASE another name, or move that file away."
            ) }}
        {% endif %}
        {% set other = data_of_another() %}
        {% if other %}
            {{ exceptions.raise_compiler_error(
                target.path ~ " is made from the orders of " ~ other ~ ", and this run reads those of " ~ shop_name()
                ~ ". Nothing was written to it. Give SEGMENTATION_DATABASE another name, or move that file away."
            ) }}
        {% endif %}
    {% endif %}
{%- endmacro %}

{% macro data_of_another() -%}
    {#-
        Whose orders the tables of the database are made from, when not those of this run: a database of both would be a mixture.
        data_of_another in python/customer_segmentation/publishing/build.py says the same before `make build`.
    -#}
    {% set is_named = first_values(
        "select 1 from duckdb_columns() where database_name = current_database() "
        ~ "and schema_name = 'marts' and table_name = 'data_origin' and column_name = 'data_name'"
    ) %}
    {% set names = first_values("select data_name from marts.data_origin") if is_named else [] %}
    {% if names %}{{ return(names[0] if names[0] != shop_name() else none) }}{% endif %}
    {#- A run that ended early, or a database from before it said so. -#}
    {% set of_another = {'schema': 'input_work', 'name': 'own orders'} if var('adapter') == 'olist' else {'schema': 'staging', 'name': 'Olist'} %}
    {% set found = first_values(
        "select 1 from duckdb_tables() where database_name = current_database() and schema_name = " ~ sql_text(of_another.schema)
    ) %}
    {{ return(of_another.name if found else none) }}
{%- endmacro %}
