// Puts one question to a package that is not ours, for each line of stdin, and prints one JSON line as answer.
//   judge.mjs QUESTION FOLDER_WITH_NODE_MODULES FOLDER_WITH_SCHEMAS
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [question, packages, schemas] = process.argv.slice(2);
// Packages are found from their folder, not from this file's.
const load = (name) => import(pathToFileURL(entryOf(name)).href);
function entryOf(name) {
  const folder = join(packages, 'node_modules', name);
  const { exports, main } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const entry = exports?.['.']?.import ?? exports?.['.']?.default ?? exports?.import ?? main;
  return join(folder, entry?.default ?? entry);
}

async function ajv() {
  const { Ajv } = await load('ajv');
  const { default: formats } = await load('ajv-formats');
  // Strict but for one thing: members may be required, or bounded, beside the place that says their type.
  const made = new Ajv({ allErrors: true, strict: true, strictRequired: false, strictTypes: false });
  formats.default(made);
  return made;
}

async function withAllSchemas() {
  const made = await ajv();
  for (const file of readdirSync(schemas).filter((name) => name.endsWith('.schema.json')))
    made.addSchema(JSON.parse(readFileSync(join(schemas, file), 'utf8')));
  return made;
}

// Where an error is, as our pointers say it: a member that is missing or too much is named itself.
function pointerOf(error) {
  const member = error.params.missingProperty ?? error.params.additionalProperty;
  const segment = member === undefined ? '' : '/' + member.replaceAll('~', '~0').replaceAll('/', '~1');
  return error.instancePath + segment;
}

const questions = {
  // {"schema", "text"} → {"valid", "pointers"}
  async verdict() {
    const made = await withAllSchemas();
    return ({ schema, text }) => {
      const validate = made.getSchema(`https://schemas.admitone.example/${schema}.schema.json`);
      const valid = validate(JSON.parse(text));
      return { valid, pointers: (validate.errors ?? []).map(pointerOf) };
    };
  },
  // {"type", "text"} → {"canonical", "fingerprint"}
  async canonical() {
    const { default: canonicalize } = await load('canonicalize');
    return ({ type, text }) => {
      const canonical = canonicalize(JSON.parse(text));
      const fingerprint = createHash('sha256').update(`${type}\0${canonical}`, 'utf8').digest('hex');
      return { canonical, fingerprint };
    };
  },
  // A CloudEvent → its binary and its structured Kafka message
  async cloudevent() {
    const { CloudEvent, Kafka } = await load('cloudevents');
    return (attributes) => {
      const event = new CloudEvent(attributes);  // throws unless it is one
      const binary = Kafka.binary(event);
      return {
        binary: { headers: binary.headers, value: JSON.stringify(binary.value) },
        structured: Kafka.structured(event),
      };
    };
  },
  // {"headers", "value"} of a binary Kafka message → the CloudEvent it is
  async event() {
    const { Kafka } = await load('cloudevents');
    return ({ headers, value }) => Kafka.toEvent({ headers, value }).toJSON();
  },
  // {"file"} → {"faults", "messages": {name: payload schema}, "headers": {name: schema}, "channels": {address: names}}
  async asyncapi() {
    const { Parser, fromFile } = await load('@asyncapi/parser');
    return async ({ file }) => {
      const { document, diagnostics } = await fromFile(new Parser(), file).parse();
      const faults = diagnostics.filter((d) => d.severity < 2).map((d) => `${d.path.join('/')}: ${d.message}`);
      const messages = {};
      for (const message of document?.messages().all() ?? []) messages[message.name()] = message.payload()?.json().schema ?? null;
      const headers = {};
      for (const message of document?.messages().all() ?? []) headers[message.name()] = message.headers()?.json();
      const channels = {};
      for (const channel of document?.channels().all() ?? [])
        channels[channel.address()] = channel.messages().all().map((message) => message.name());
      return { faults, messages, headers, channels };
    };
  },
};

const answer = await questions[question]();
for (const line of readFileSync(0, 'utf8').split('\n').filter((text) => text !== ''))
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n');
