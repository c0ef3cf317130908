// Asks one function of a browser's module: node browser.mjs module.js function, lists of arguments in
// JSON on standard input, a list of answers on standard output.
import { readFileSync } from "node:fs";

const [path, name] = process.argv.slice(2);
const source = Buffer.from(readFileSync(path)).toString("base64");
const module = await import(`data:text/javascript;base64,${source}`);
const { same = {}, asked } = JSON.parse(readFileSync(0, "utf-8"));
const answers = asked.map((given) => module[name](...given.map((one) => same[one?.same] ?? one)));
process.stdout.write(JSON.stringify(answers));
