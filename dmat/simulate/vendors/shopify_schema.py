"""The part of Shopify's Admin GraphQL schema (2026-10) that the simulated shop answers.

Belongs here: types, fields, arguments and nullability exactly as in Shopify's own schema; tests/contracts compares
them one by one. Stays out: how queries are answered (`shopify.py`).
"""

from __future__ import annotations

from graphql import GraphQLSchema, build_schema

CONNECTION_ARGUMENTS = "after: String, before: String, first: Int, last: Int"

SDL = """
scalar DateTime
scalar Decimal
scalar Money
scalar URL
scalar UnsignedInt64
scalar CurrencyCode
scalar CountryCode

schema { query: QueryRoot }

type QueryRoot {
  abandonedCheckouts(PAGE, query: String, reverse: Boolean = false, savedSearchId: ID,
    sortKey: AbandonedCheckoutSortKeys = ID): AbandonedCheckoutConnection!
  customer(id: ID!): Customer
  customers(PAGE, query: String, reverse: Boolean = false, sortKey: CustomerSortKeys = ID): CustomerConnection!
  node(id: ID!): Node
  order(id: ID!): Order
  orders(PAGE, query: String, reverse: Boolean = false, savedSearchId: ID,
    sortKey: OrderSortKeys = PROCESSED_AT): OrderConnection!
  product(id: ID!): Product
  products(PAGE, query: String, reverse: Boolean = false, savedSearchId: ID,
    sortKey: ProductSortKeys = ID): ProductConnection!
  shop: Shop!
}

enum AbandonedCheckoutSortKeys { CHECKOUT_ID CREATED_AT CUSTOMER_NAME ID RELEVANCE TOTAL_PRICE }
enum CustomerSortKeys { CREATED_AT ID LOCATION NAME RELEVANCE UPDATED_AT }
enum OrderSortKeys {
  CREATED_AT CURRENT_TOTAL_PRICE CUSTOMER_NAME DESTINATION FINANCIAL_STATUS FULFILLMENT_STATUS ID ORDER_NUMBER
  PO_NUMBER PROCESSED_AT RELEVANCE TOTAL_ITEMS_QUANTITY TOTAL_PRICE UPDATED_AT
}
enum ProductSortKeys {
  CREATED_AT ID INVENTORY_TOTAL PRODUCT_TYPE PUBLISHED_AT RELEVANCE TITLE UPDATED_AT VENDOR
}
enum OrderDisplayFinancialStatus {
  AUTHORIZED EXPIRED PAID PARTIALLY_PAID PARTIALLY_REFUNDED PENDING REFUNDED VOIDED
}
enum ProductStatus { ACTIVE ARCHIVED DRAFT UNLISTED }
enum CustomerEmailAddressMarketingState { INVALID NOT_SUBSCRIBED PENDING SUBSCRIBED UNSUBSCRIBED }
enum CustomerSmsMarketingState { NOT_SUBSCRIBED PENDING REDACTED SUBSCRIBED UNSUBSCRIBED }

interface Node { id: ID! }

type PageInfo { endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String }
type Shop {
  currencyCode: CurrencyCode! email: String! ianaTimezone: String! id: ID! myshopifyDomain: String! name: String!
}
type MoneyV2 { amount: Decimal! currencyCode: CurrencyCode! }
type MoneyBag { presentmentMoney: MoneyV2! shopMoney: MoneyV2! }
type Attribute { key: String! value: String }
type MailingAddress {
  address1: String city: String company: String countryCodeV2: CountryCode firstName: String lastName: String
  phone: String provinceCode: String timeZone: String zip: String
}

type OrderConnection { edges: [OrderEdge!]! nodes: [Order!]! pageInfo: PageInfo! }
type OrderEdge { cursor: String! node: Order! }
type Order implements Node {
  cancelledAt: DateTime cartToken: String checkoutToken: String createdAt: DateTime! currencyCode: CurrencyCode!
  customAttributes: [Attribute!]! customer: Customer customerLocale: String discountCode: String
  discountCodes: [String!]! displayFinancialStatus: OrderDisplayFinancialStatus email: String id: ID!
  lineItems(PAGE, reverse: Boolean = false): LineItemConnection! name: String! note: String phone: String
  processedAt: DateTime! refunds(first: Int): [Refund!]! shippingAddress: MailingAddress sourceName: String
  subtotalPriceSet: MoneyBag tags: [String!]! test: Boolean! totalDiscountsSet: MoneyBag totalPriceSet: MoneyBag!
  totalRefundedSet: MoneyBag! updatedAt: DateTime!
}
type LineItemConnection { edges: [LineItemEdge!]! nodes: [LineItem!]! pageInfo: PageInfo! }
type LineItemEdge { cursor: String! node: LineItem! }
type LineItem implements Node {
  id: ID! originalUnitPriceSet: MoneyBag! product: Product quantity: Int! sku: String title: String!
}
type Refund implements Node { createdAt: DateTime id: ID! note: String totalRefundedSet: MoneyBag! }

type CustomerConnection { edges: [CustomerEdge!]! nodes: [Customer!]! pageInfo: PageInfo! }
type CustomerEdge { cursor: String! node: Customer! }
type Customer implements Node {
  createdAt: DateTime! defaultAddress: MailingAddress defaultEmailAddress: CustomerEmailAddress
  defaultPhoneNumber: CustomerPhoneNumber firstName: String id: ID! lastName: String locale: String!
  numberOfOrders: UnsignedInt64! tags: [String!]! updatedAt: DateTime!
}
type CustomerEmailAddress {
  emailAddress: String! marketingState: CustomerEmailAddressMarketingState! marketingUpdatedAt: DateTime
}
type CustomerPhoneNumber {
  marketingState: CustomerSmsMarketingState! marketingUpdatedAt: DateTime phoneNumber: String!
}

type ProductConnection { edges: [ProductEdge!]! nodes: [Product!]! pageInfo: PageInfo! }
type ProductEdge { cursor: String! node: Product! }
type Product implements Node {
  createdAt: DateTime! featuredMedia: Media handle: String! id: ID! onlineStoreUrl: URL productType: String!
  status: ProductStatus! title: String! updatedAt: DateTime!
  variants(PAGE, reverse: Boolean = false, sortKey: ProductVariantSortKeys = POSITION): ProductVariantConnection!
  vendor: String!
}
enum ProductVariantSortKeys {
  FULL_TITLE ID INVENTORY_LEVELS_AVAILABLE INVENTORY_MANAGEMENT INVENTORY_POLICY INVENTORY_QUANTITY NAME POPULAR
  POSITION RELEVANCE SKU TITLE
}
type ProductVariantConnection { edges: [ProductVariantEdge!]! nodes: [ProductVariant!]! pageInfo: PageInfo! }
type ProductVariantEdge { cursor: String! node: ProductVariant! }
type ProductVariant implements Node { id: ID! price: Money! sku: String }
interface Media { preview: MediaPreviewImage }
type MediaImage implements Media { preview: MediaPreviewImage }
type MediaPreviewImage { image: Image }
type Image { altText: String url: URL! }

type AbandonedCheckoutConnection {
  edges: [AbandonedCheckoutEdge!]! nodes: [AbandonedCheckout!]! pageInfo: PageInfo!
}
type AbandonedCheckoutEdge { cursor: String! node: AbandonedCheckout! }
type AbandonedCheckout implements Node {
  abandonedCheckoutUrl: URL! completedAt: DateTime createdAt: DateTime! customAttributes: [Attribute!]!
  customer: Customer id: ID! lineItems(PAGE, reverse: Boolean = false): AbandonedCheckoutLineItemConnection!
  name: String! totalPriceSet: MoneyBag! updatedAt: DateTime!
}
type AbandonedCheckoutLineItemConnection {
  edges: [AbandonedCheckoutLineItemEdge!]! nodes: [AbandonedCheckoutLineItem!]! pageInfo: PageInfo!
}
type AbandonedCheckoutLineItemEdge { cursor: String! node: AbandonedCheckoutLineItem! }
type AbandonedCheckoutLineItem {
  id: ID! originalUnitPriceSet: MoneyBag! product: Product quantity: Int! sku: String title: String
}
""".replace("PAGE", CONNECTION_ARGUMENTS)


def build() -> GraphQLSchema:
    """The schema, ready to check queries against."""
    return build_schema(SDL)
