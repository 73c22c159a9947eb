"""What the two shops give for orders, customers, products and checkouts: Shopify Admin GraphQL and WooCommerce REST.

Belongs here: the SELECTs over `picked` (rows of the resource's table) that `payloads.py` offers.
Stays out: the other vendors (`payloads.py`) and how orders come about (`commerce.py`).
"""

from __future__ import annotations

SHOP = "https://shop.example"
OUTLET = "https://outlet.shop.example"


def _at(expression: str) -> str:
    return f"strftime({expression}, '%Y-%m-%dT%H:%M:%SZ')"


def _money(cents: str) -> str:
    return f"printf('%.2f', ({cents}) / 100.0)"


def _bag(cents: str, currency: str = "o.currency_code") -> str:
    return f'struct_pack("shopMoney" := struct_pack(amount := {_money(cents)}, "currencyCode" := {currency}))'


def _attributes(client_id: str) -> str:
    return f"case when {client_id} is null then [] else [struct_pack(key := 'client_id', value := {client_id})] end"


SHOPIFY_ORDERS = f"""
    , lines as (
        select order_id, list_sort(list(struct_pack(
            id := 'gid://shopify/LineItem/' || (l.order_id * 10000 + l.line_number), title := p.title,
            quantity := l.quantity, sku := p.sku,
            "originalUnitPriceSet" := {_bag("l.unit_price_cents", "p.currency_code")},
            product := struct_pack(id := 'gid://shopify/Product/' || l.product_id)))) as nodes
        from order_lines as l join products as p using (product_id)
        where l.order_id in (select order_id from picked) group by order_id
    ), refunded as (
        select r.order_id, list_sort(list(struct_pack(
            id := 'gid://shopify/Refund/' || r.refund_id, "createdAt" := {_at("r.created_at")},
            "totalRefundedSet" := {_bag("r.amount_cents", "k.currency_code")}))) as refunds
        from refunds as r join picked as k using (order_id) group by r.order_id
    )
    select 'gid://shopify/Order/' || o.order_id as record_id, o.ordered_at as created_at, o.updated_at,
    to_json(struct_pack(
        id := 'gid://shopify/Order/' || o.order_id, name := '#' || (o.order_id % 1000000000 + 1000),
        "createdAt" := {_at("o.ordered_at")}, "updatedAt" := {_at("o.updated_at")},
        "cancelledAt" := {_at("o.cancelled_at")}, email := o.email,
        phone := o.phone, "currencyCode" := o.currency_code, "checkoutToken" := o.cart_token,
        "cartToken" := o.cart_token, "customerLocale" := o.locale,
        "discountCodes" := case when o.discount_code is null then [] else [o.discount_code] end,
        customer := case when o.customer_id is null then null
            else struct_pack(id := 'gid://shopify/Customer/' || o.customer_id) end,
        "customAttributes" := {_attributes("o.client_id")},
        "subtotalPriceSet" := {_bag("o.subtotal_cents")}, "totalPriceSet" := {_bag("o.total_cents")},
        "totalDiscountsSet" := {_bag("o.discount_cents")}, "totalRefundedSet" := {_bag("o.refunded_cents")},
        "displayFinancialStatus" := o.financial_status,
        "lineItems" := struct_pack(nodes := coalesce(l.nodes, [])), refunds := coalesce(r.refunds, []),
        "shippingAddress" := struct_pack("countryCodeV2" := o.country_code, city := o.city, zip := o.zip)
    )) as payload
    from picked as o left join lines as l using (order_id) left join refunded as r using (order_id)"""

SHOPIFY_CUSTOMERS = f"""
    , bought as (
        select customer_id, count(*) as orders from orders
        where outlet = 'shopify' and customer_id in (select customer_id from picked) group by customer_id
    )
    select 'gid://shopify/Customer/' || c.customer_id as record_id, c.created_at, c.updated_at, to_json(struct_pack(
        id := 'gid://shopify/Customer/' || c.customer_id, "createdAt" := {_at("c.created_at")},
        "updatedAt" := {_at("c.updated_at")}, "firstName" := c.first_name, "lastName" := c.last_name,
        locale := c.locale, "numberOfOrders" := coalesce(b.orders, 0)::varchar, tags := coalesce(c.tags, []),
        "defaultEmailAddress" := case when c.email is null then null else struct_pack(
            "emailAddress" := c.email, "marketingState" := c.email_state,
            "marketingUpdatedAt" := {_at("c.email_state_at")}) end,
        "defaultPhoneNumber" := case when c.phone is null then null else struct_pack(
            "phoneNumber" := c.phone, "marketingState" := c.sms_state,
            "marketingUpdatedAt" := {_at("c.sms_state_at")}) end,
        "defaultAddress" := case when c.country_code is null then null else struct_pack(
            "countryCodeV2" := c.country_code, city := c.city, zip := c.zip) end
    )) as payload
    from picked as c left join bought as b using (customer_id)"""

SHOPIFY_PRODUCTS = f"""
    select 'gid://shopify/Product/' || product_id as record_id, created_at, updated_at, to_json(struct_pack(
        id := 'gid://shopify/Product/' || product_id, title := title, "productType" := category, vendor := vendor,
        status := 'ACTIVE', handle := handle, "createdAt" := {_at("created_at")}, "updatedAt" := {_at("updated_at")},
        "onlineStoreUrl" := '{SHOP}/products/' || handle,
        "featuredMedia" := struct_pack(preview := struct_pack(image := struct_pack(
            url := image_url, "altText" := title))),
        variants := struct_pack(nodes := [struct_pack(
            id := 'gid://shopify/ProductVariant/' || (product_id * 10 + 1), sku := sku,
            price := {_money("price_cents")})])
    )) as payload from picked"""

SHOPIFY_CHECKOUTS = f"""
    , lines as (
        select cart_id, list_sort(list(struct_pack(
            id := 'gid://shopify/AbandonedCheckoutLineItem/' || (l.cart_id * 10000 + l.line_number),
            title := p.title, quantity := l.quantity, sku := p.sku,
            "originalUnitPriceSet" := {_bag("l.unit_price_cents", "p.currency_code")},
            product := struct_pack(id := 'gid://shopify/Product/' || l.product_id)))) as nodes
        from cart_lines as l join products as p using (product_id)
        where l.cart_id in (select cart_id from picked) group by cart_id
    )
    select 'gid://shopify/AbandonedCheckout/' || o.cart_id as record_id, o.created_at, o.updated_at,
    to_json(struct_pack(
        id := 'gid://shopify/AbandonedCheckout/' || o.cart_id, name := '#' || (o.cart_id % 1000000000),
        "createdAt" := {_at("o.created_at")}, "updatedAt" := {_at("o.updated_at")},
        "completedAt" := {_at("o.completed_at")},
        "abandonedCheckoutUrl" :=
            '{SHOP}/70010/checkouts/ac/' || o.token || '/recover?key=' || o.recovery_key,
        customer := case when o.customer_id is null then null
            else struct_pack(id := 'gid://shopify/Customer/' || o.customer_id) end,
        "customAttributes" := {_attributes("o.client_id")}, "totalPriceSet" := {_bag("o.total_cents")},
        "lineItems" := struct_pack(nodes := coalesce(l.nodes, []))
    )) as payload
    from picked as o left join lines as l using (cart_id)"""

_ADDRESS = """struct_pack(first_name := coalesce({t}.first_name, ''), last_name := coalesce({t}.last_name, ''),
        company := '', address_1 := '', address_2 := '', city := coalesce({t}.city, ''), state := '',
        postcode := coalesce({t}.zip, ''), country := coalesce({t}.country_code, ''),
        email := coalesce({t}.email, ''), phone := coalesce({t}.phone, ''))"""


def _gmt(expression: str) -> str:
    return f"strftime({expression}, '%Y-%m-%dT%H:%M:%S')"


WOOCOMMERCE_ORDERS = f"""
    , lines as (
        select order_id, list_sort(list(struct_pack(
            id := l.order_id * 100 + l.line_number, name := p.title, product_id := 2000 + l.product_id,
            variation_id := 0, quantity := l.quantity, sku := p.sku, price := l.unit_price_cents / 100.0,
            subtotal := {_money("l.unit_price_cents * l.quantity")},
            total := {_money("l.unit_price_cents * l.quantity")}, total_tax := '0.00'))) as items
        from order_lines as l join products as p using (product_id)
        where l.order_id in (select order_id from picked) group by order_id
    ), refunded as (
        select order_id, list_sort(list(struct_pack(id := refund_id, reason := reason,
            total := '-' || {_money("amount_cents")}))) as refunds
        from refunds where order_id in (select order_id from picked) group by order_id
    )
    select o.order_id::varchar as record_id, o.ordered_at as created_at, o.updated_at, to_json(struct_pack(
        id := o.order_id, parent_id := 0, number := o.order_id::varchar, status := case
            when o.cancelled_at is not null then 'cancelled' when o.financial_status = 'REFUNDED' then 'refunded'
            else 'completed' end,
        currency := o.currency_code, date_created := {_gmt("o.ordered_at")}, date_created_gmt := {_gmt("o.ordered_at")},
        date_modified := {_gmt("o.updated_at")}, date_modified_gmt := {_gmt("o.updated_at")},
        discount_total := {_money("o.discount_cents")}, shipping_total := '0.00', total_tax := '0.00',
        total := {_money("o.total_cents")}, customer_id := coalesce(o.customer_id, 0), payment_method := 'card',
        billing := {_ADDRESS.format(t="o")}, shipping := {_ADDRESS.format(t="o")},
        line_items := coalesce(l.items, []),
        coupon_lines := case when o.discount_code is null then [] else [struct_pack(id := o.order_id,
            code := lower(o.discount_code), discount := {_money("o.discount_cents")})] end,
        refunds := coalesce(r.refunds, []), meta_data := case when o.client_id is null then [] else [struct_pack(
            id := o.order_id, key := 'client_id', value := o.client_id)] end
    )) as payload
    from picked as o left join lines as l using (order_id) left join refunded as r using (order_id)"""

WOOCOMMERCE_CUSTOMERS = f"""
    select c.customer_id::varchar as record_id, c.created_at, c.updated_at, to_json(struct_pack(
        id := c.customer_id, date_created := {_gmt("c.created_at")}, date_created_gmt := {_gmt("c.created_at")},
        date_modified := {_gmt("c.updated_at")}, date_modified_gmt := {_gmt("c.updated_at")},
        email := coalesce(c.email, ''), first_name := coalesce(c.first_name, ''),
        last_name := coalesce(c.last_name, ''), "role" := 'customer', username := c.username,
        billing := {_ADDRESS.format(t="c")}, shipping := {_ADDRESS.format(t="c")}, is_paying_customer := true,
        avatar_url := '', meta_data := []
    )) as payload from picked as c"""

WOOCOMMERCE_PRODUCTS = f"""
    select (2000 + product_id)::varchar as record_id, created_at, updated_at, to_json(struct_pack(
        id := 2000 + product_id, name := title, slug := handle, permalink := '{OUTLET}/product/' || handle || '/',
        date_created_gmt := {_gmt("created_at")}, date_modified_gmt := {_gmt("updated_at")}, "type" := 'simple',
        status := 'publish', sku := sku, price := {_money("price_cents")}, regular_price := {_money("price_cents")},
        sale_price := '', categories := [struct_pack(id := hash(category) % 900, name := category,
            slug := lower(replace(category, ' ', '-')))],
        images := [struct_pack(id := 5000 + product_id, src := image_url, alt := title)], meta_data := []
    )) as payload from picked"""
