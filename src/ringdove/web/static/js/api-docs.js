// Starts Swagger UI on our own description. A file, since the policy allows no script in a page.
window.SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "none", // a hundred calls and more: groups first
  filter: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  tryItOutEnabled: true,
  persistAuthorization: false,
});
