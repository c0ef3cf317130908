// Counts texts as the browser does: {"alphabets": {shift: […]}, "texts": [{text, shift}]} → results.
import { readFileSync } from "node:fs";

const source = readFileSync(process.argv[2], "utf-8");
const { measure } = await import(`data:text/javascript;base64,${Buffer.from(source).toString("base64")}`);
const asked = JSON.parse(readFileSync(0, "utf-8"));
const counted = asked.texts.map(({ text, shift }) => measure(text, asked.alphabets[shift]));
process.stdout.write(JSON.stringify(counted));
