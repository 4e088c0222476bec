// Runs after axe-core in the same script; the last argument is what to call when it is done.
const done = arguments[arguments.length - 1];
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
axe.run(document, { runOnly: { type: "tag", values: tags }, rules: { "target-size": { enabled: true } }, resultTypes: ["violations"], iframes: false }).then(
  (results) => done(results.violations.map((violation) => violation.id + ": " + violation.help + "\n" + violation.nodes.slice(0, 5).map((node) => "    " + node.target.join(" ") + ": " + node.failureSummary.replace(/\s+/g, " ")).join("\n"))),
  (error) => done(["axe: " + error]),
);
