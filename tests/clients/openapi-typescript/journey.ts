// See tests/clients/README.md. Types by openapi-typescript, requests by openapi-fetch.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Problem = components["schemas"]["Problem"];

const [root, key] = process.argv.slice(2);
if (!root || !key) throw new Error("arguments: the API's root and an API key");
const api = createClient<paths>({ baseUrl: root, headers: { Authorization: `Bearer ${key}` } });

/** The data of an answer, or an error that says which problem came instead. */
function ok<T>({ data, error }: { data?: T; error?: Problem }): T {
  if (error) throw new Error(`${error.status} ${error.code}: ${error.detail}`);
  if (data === undefined) throw new Error("an answer without data");
  return data;
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

const run = crypto.randomUUID();
const customer = ok(
  await api.POST("/api/v1/customers", { body: { code: `C-${run}`, name: "Librairie", email: "a@carmes.example" } }),
);
const product = ok(
  await api.POST("/api/v1/products", { body: { sku: `P-${run}`, name: "Thé", unit_price: "12.50", vat_rate: "5.5", stocked: false } }),
);

const order = { customer_id: customer.id, lines: [{ product_id: product.id, quantity: "2" }] };
const place = () =>
  api.POST("/api/v1/orders", { params: { header: { "Idempotency-Key": run } }, body: order });
const placed = ok(await place());
const again = await place();
check(ok(again).id === placed.id, "an order was placed twice");
check(again.response.headers.get("Idempotent-Replayed") === "true", "the second answer is not marked");
check(placed.gross_total === "26.38", `the total is ${placed.gross_total}`);

const path = { id: customer.id };
const patched = ok(await api.PATCH("/api/v1/customers/{id}", { params: { path }, body: { name: "Librairie des Carmes" } }));
check(patched.email === customer.email && patched.name !== customer.name, "the patch changed something else");
const header = { "If-Match": `"${patched.version}"` };
const put = ok(await api.PUT("/api/v1/customers/{id}", { params: { path, header }, body: patched }));
check(put.version === patched.version, "PUT of what was read changed something");

const of = { params: { path: { id: placed.id } } };
ok(await api.POST("/api/v1/orders/{id}/confirm", of));
ok(await api.POST("/api/v1/orders/{id}/ship", { ...of, body: { tracking_number: "1Z999AA10123456784" } }));
const delivered = ok(await api.POST("/api/v1/orders/{id}/deliver", of));
check(delivered.status === "delivered", `the order is ${delivered.status}`);
const query = { status: ["delivered" as const, "shipped" as const], customer_id: customer.id, sort: "-placed_at" as const, limit: 10 };
const listed = ok(await api.GET("/api/v1/orders", { params: { query } }));
check(listed.data.length === 1 && listed.data[0]?.id === placed.id, "the order is not in the list");

const wrong = { customer_id: customer.id, lines: [{ product_id: product.id, quantity: "-1" }] };
const refused = await api.POST("/api/v1/orders", { body: wrong });
check(refused.error?.code === "invalid_request", `refused with ${refused.error?.code}`);
check(refused.error?.errors[0]?.pointer === "/lines/0/quantity", "the value at fault is not named");
console.log("journey: ok");
