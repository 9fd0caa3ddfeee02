{#- The settings, which `vars: settings:` of dbt_project.yml states: their values, and what stops a run. -#}

{% macro setting(name, of_group=none) -%}
    {#- The value of a setting, or with two names that of a setting of a group: setting('engine', 'n_init'). -#}
    {%- set stated = var('settings') -%}
    {%- if name not in stated or (of_group is not none and of_group not in stated[name].settings) -%}
        {{ exceptions.raise_compiler_error("There is no setting " ~ name ~ ('.' ~ of_group if of_group else '') ~ " in dbt_project.yml.") }}
    {%- endif -%}
    {%- set absent = {} -%}
    {%- set given = var(name, absent) -%}
    {%- if 'settings' not in stated[name] -%}
        {{ return(setting_value(name, stated[name], default_of(stated[name]) if given is sameas absent else given)) }}
    {%- endif -%}
    {%- if given is not mapping -%}
        {{ exceptions.raise_compiler_error(name ~ " is " ~ given ~ "; it must be a mapping of settings to values.") }}
    {%- endif -%}
    {%- set values = {} -%}
    {%- for key, one in stated[name].settings.items() if of_group is none or key == of_group -%}
        {%- do values.update({key: setting_value(name ~ '.' ~ key, one, given[key] if key in given else default_of(one))}) -%}
    {%- endfor -%}
    {{ return(values if of_group is none else values[of_group]) }}
{%- endmacro %}

{% macro default_of(stated) -%}
    {#- The default of a setting for the adapter in use. -#}
    {{ return(stated.for_orders if var('adapter') == 'orders' and 'for_orders' in stated else stated.default) }}
{%- endmacro %}

{% macro setting_value(name, stated, value) -%}
    {#-
        A value as models use it: a mapping has the keys of the default that are not given, and a day is text. A value of another
        kind, with which models cannot be read, stops at once; check_settings says the rest.
    -#}
    {%- set must_be = stated.must_be -%}
    {%- if name == 'n_clusters' and value == 'study' -%}
        {{ exceptions.raise_compiler_error(
            "n_clusters is study, which `make build SHOP=shop.yml` works out from the orders before dbt starts: for dbt alone write the "
            ~ "number that `make shop` tells, such as " ~ stated.default ~ "."
        ) }}
    {%- endif -%}
    {%- set kind = 'mapping' if must_be.by else 'list' if must_be.list else must_be.type -%}
    {%- if not (
        (value is none and (must_be.or_null or kind == 'mapping')) or (kind == 'mapping' and value is mapping) or (kind == 'list' and value is sequence and value is not string)
        or (kind in ['integer', 'number'] and value is number) or kind in ['boolean', 'text', 'date', 'month']
    ) -%}
        {{ exceptions.raise_compiler_error(name ~ " is " ~ value ~ "; it must be a " ~ ('whole number' if kind == 'integer' else kind) ~ ", such as " ~ stated.default ~ ".") }}
    {%- endif -%}
    {%- if kind == 'mapping' -%}
        {%- set merged = {} -%}
        {%- do merged.update(default_of(stated)) -%}
        {%- do merged.update(value or {}) -%}
        {%- for key in merged.keys() | list if merged[key] is none -%}{%- do merged.pop(key) -%}{%- endfor -%}
        {{ return(merged) }}
    {%- endif -%}
    {%- if value is not none and must_be.type in ['date', 'month'] -%}
        {{ return(value | map('string') | list if must_be.list else value | string) }}
    {%- endif -%}
    {{ return(value) }}
{%- endmacro %}

{% macro settings() -%}
    {#- All of them, by name. -#}
    {%- set values = {} -%}
    {%- for name in var('settings') -%}{%- do values.update({name: setting(name)}) -%}{%- endfor -%}
    {{ return(values) }}
{%- endmacro %}

{% macro check_settings() -%}
    {#-
        A value that cannot be used stops the run with the repair, before any table is replaced. The judge is that of `make build`
        (python/customer_segmentation/intake/settings.py), which the plugin raw_plugin asks.
    -#}
    {% if execute %}
        {% set given = {} %}
        {% do given.update(invocation_args_dict.get('vars') or {}) %}
        {% set absent = {} %}
        {% for name in var('settings') if var(name, absent) is not sameas absent %}{% do given.update({name: var(name)}) %}{% endfor %}
        {% do given.update({'adapter': var('adapter'), 'shop': var('shop')}) %}
        {% set problems = settings_problems(given) %}
        {% if target.database in ['staging', 'intermediate', 'marts', 'segmentation', 'segmentation_work', 'maintenance', 'maintenance_work', 'bi', 'seeds', 'input', 'input_work'] %}
            {% do problems.append(
                "SEGMENTATION_DATABASE names the file " ~ target.database ~ ".duckdb, which is also the name of a schema; give the file another name."
            ) %}
        {% endif %}
        {% if problems %}
            {{ exceptions.raise_compiler_error("Settings that cannot be used:\n  - " ~ problems | join("\n  - ")) }}
        {% endif %}
    {% endif %}
{%- endmacro %}

{% macro settings_problems(given) -%}
    {{ return(adapter.dispatch('settings_problems')(given)) }}
{%- endmacro %}

{% macro duckdb__settings_problems(given) -%}
    {{ return(fromjson(first_values("select settings_problems(" ~ sql_text(toyaml(given)) ~ ")")[0])) }}
{%- endmacro %}
