{# What segments can ask about: rows made of the `meta` of columns and models, so that a new one needs no code. #}

{% macro segment_catalogue_rows() -%}
    {%- set names = [
        'kind', 'key', 'event_key', 'label', 'type', 'group_name', 'table_name', 'column_name', 'person_column',
        'at_column', 'filter_sql', 'data_type', 'unit', 'currency_column', 'channel', 'default_op', 'description'
    ] -%}
    {%- set rows = [] -%}
    {%- if execute -%}
        {%- set people, others = [], [] -%}
        {%- for node in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | sort(attribute='unique_id') -%}
            {%- do (people if node.name == 'dim_people' else others).append(node) -%}
        {%- endfor -%}
        {%- for node in people + others -%}
            {%- for column in node.columns.values() if column.config.meta.get('segment') -%}
                {%- do rows.append(_segment_field(node, column)) -%}
            {%- endfor -%}
            {%- for event in node.config.meta.get('segment_events') or [] -%}
                {%- do rows.append(_segment_event(node, event)) -%}
                {%- for key, property in (event.properties or {}).items() -%}
                    {%- do rows.append(_segment_property(node, event, key, property)) -%}
                {%- endfor -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {%- for row in rows %}
    select
        {{ loop.index }} as position,
        {% for name in names -%}
        {{ "cast('" ~ (row.get(name) or '') | string | replace("'", "''") ~ "' as varchar)" }} as {{ name }},
        {% endfor -%}
        {{ 'true' if row.is_personal else 'false' }} as is_personal
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        0 as position, {% for name in names %}'' as {{ name }}, {% endfor %}false as is_personal
    where false
    {%- endfor -%}
{%- endmacro %}

{% macro _segment_field(node, column) -%}
    {%- set meta = column.config.meta.segment -%}
    {{ return({
        'kind': 'field', 'key': meta.key or column.name, 'label': meta.label, 'type': meta.type,
        'group_name': meta.group, 'table_name': node.schema ~ '.' ~ node.alias, 'column_name': column.name,
        'person_column': meta.person or 'person_id', 'data_type': column.data_type, 'unit': meta.unit,
        'currency_column': _segment_column(node, meta.currency_column).name, 'channel': meta.channel,
        'description': column.description, 'is_personal': column.config.meta.get('pii')
    }) }}
{%- endmacro %}

{% macro _segment_event(node, event) -%}
    {{ return({
        'kind': 'event', 'key': event.event, 'label': event.label, 'group_name': event.group,
        'table_name': node.schema ~ '.' ~ node.alias, 'person_column': _segment_column(node, event.person).name,
        'at_column': _segment_column(node, event.at).name, 'filter_sql': event.where, 'description': node.description
    }) }}
{%- endmacro %}

{% macro _segment_property(node, event, key, property) -%}
    {%- set column = _segment_column(node, property.column) -%}
    {{ return({
        'kind': 'property', 'key': key, 'event_key': event.event, 'label': property.label, 'type': property.type,
        'group_name': event.group, 'table_name': node.schema ~ '.' ~ node.alias, 'column_name': column.name,
        'data_type': column.data_type, 'unit': property.unit,
        'currency_column': _segment_column(node, property.currency_column).name, 'default_op': property.default_op,
        'description': column.description, 'is_personal': column.config.meta.get('pii')
    }) }}
{%- endmacro %}

{# The column of that name; a name that the model does not have stops the build. #}
{% macro _segment_column(node, name) -%}
    {%- if name and name not in node.columns -%}
        {%- do exceptions.raise_compiler_error(node.name ~ ' offers ' ~ name ~ ' to segments but has no such column') -%}
    {%- endif -%}
    {{ return(node.columns[name] if name else {}) }}
{%- endmacro %}
