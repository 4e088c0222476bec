// The page's policy (Content-Security-Policy) forbids to compile text to code. Libraries in the next script try whether they may, and
// each try would be reported as a violation. They get the answer without trying.
"use strict";
const forbidden = () => {
  throw new EvalError("the policy of this page forbids it");
};
globalThis.Function = new Proxy(Function, { construct: forbidden, apply: forbidden });
