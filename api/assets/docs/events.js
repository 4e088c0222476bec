// Shows /api/asyncapi.json to people.
"use strict";

/** An element with text and children; nothing here is ever parsed as HTML. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A text in which `code` and **strong** are marked. */
function marked(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`")) return element("code", {}, part.slice(1, -1));
    if (part.startsWith("**")) return element("strong", {}, part.slice(2, -2));
    return part;
  });
}

/** Paragraphs and lists, as the document's description has them. */
function prose(text) {
  return text.trim().split(/\n\n+/).map((block) => {
    if (!block.startsWith("- ")) return element("p", {}, ...marked(block.replaceAll("\n", " ")));
    const items = block.split(/\n(?=- )/).map((item) => item.slice(2).replace(/\n\s*/g, " "));
    return element("ul", {}, ...items.map((item) => element("li", {}, ...marked(item))));
  });
}

function kind(schema) {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map(kind).join(" or ");
  const types = [schema.type ?? "anything"].flat();
  const name = types.map((type) => (type === "array" && schema.items ? `array of ${kind(schema.items)}` : type)).join(" or ");
  return schema.format ? `${name}, ${schema.format}` : schema.pattern ? `${name}, decimal` : name;
}

/** The members of a schema as rows, those of objects in it below them. */
function rows(schema, prefix = "") {
  const inner = (part) => (part.anyOf ?? part.oneOf ?? [part]).flatMap((choice) => (choice.items ? [choice.items] : [choice]));
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const path = prefix + name;
    const values = member.enum ? [" ", ...member.enum.flatMap((value) => [element("code", {}, String(value)), " "])] : [];
    const row = element(
      "tr", {},
      element("th", { scope: "row" }, element("code", {}, path)),
      element("td", {}, kind(member)),
      element("td", {}, ...marked(member.description ?? ""), ...values),
    );
    return [row, ...inner(member).flatMap((part) => rows(part, `${path}.`))];
  });
}

function table(schema) {
  const head = ["Member", "Type", "Meaning"].map((title) => element("th", { scope: "col" }, title));
  return element("div", { class: "scroll" },
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows(schema))));
}

/** JSON with a button that copies it. */
function example(value) {
  const text = JSON.stringify(value, null, 2);
  const button = element("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  // Pages that did not come over TLS, or from this machine, may not write to the clipboard.
  return element("div", { class: "example" }, ...(navigator.clipboard ? [button] : []), element("pre", { tabindex: "0" }, element("code", {}, text)));
}

function card(id, message, exchange) {
  const { name, title, summary, payload, examples: [sample] } = message;
  const bind = `rabbitmqadmin declare binding source=${exchange} destination=my-queue routing_key=${name}`;
  return element(
    "section", { id, "aria-labelledby": `${id}-title` },
    element("h2", { id: `${id}-title` }, element("a", { href: `#${id}` }, element("code", {}, name)), ` version ${title.split(" ").pop()}`),
    element("p", {}, summary),
    element("p", { class: "quiet" }, "Told by ", element("code", {}, sample.headers["aggregate-type"]),
      ". Bind: ", element("code", {}, bind), ". ", element("a", { href: `/api/schemas/${id}.json` }, "JSON Schema")),
    table(payload),
    element("details", {}, element("summary", {}, "Example: headers"), example(sample.headers)),
    element("details", { open: "" }, element("summary", {}, "Example: body"), example(sample.payload)),
  );
}

async function show() {
  const answer = await fetch("/api/asyncapi.json");
  if (!answer.ok) throw new Error(`/api/asyncapi.json answered ${answer.status}`);
  const { info, channels, components: { messages, schemas } } = await answer.json();
  document.getElementById("introduction").append(...prose(info.description));
  document.getElementById("headers").append(table(schemas.headers));
  const list = document.getElementById("events");
  const index = document.getElementById("index");
  const cards = Object.entries(messages).map(([id, message]) => {
    const exchange = channels[message.name].bindings.amqp.exchange.name;
    const link = element("li", {}, element("a", { href: `#${id}` }, id));
    const section = card(id, message, exchange);
    list.append(section);
    index.append(link);
    return { section, link, text: `${id} ${message.summary} ${section.querySelector("table").textContent}`.toLowerCase() };
  });
  const search = document.getElementById("search");
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const { section, link, text } of cards) {
      const fits = words.every((word) => text.includes(word));
      section.hidden = link.hidden = !fits;
      found += fits ? 1 : 0;
    }
    document.getElementById("found").textContent = `${found} of ${cards.length} events`;
  };
  search.addEventListener("input", filter);
  filter();
  // The browser looked for the section before it was there.
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

show().catch((error) => {
  document.getElementById("events").append(element("p", { role: "alert" }, `The events cannot be shown: ${error.message}. Load the page again.`));
});
