"use strict";
Scalar.createApiReference("#reference", {
  url: "/api/openapi.json",
  // Nothing is asked of other hosts.
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: "never",
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  persistAuth: false,
});
