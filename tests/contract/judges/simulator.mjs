// The rules of `admitone simulate solana`, judged by @solana/kit, which builds and signs, and by LiteSVM, which executes.
//   simulator.mjs FOLDER_WITH_NODE_MODULES URL
// Plays the same transactions on LiteSVM and, over JSON-RPC, on the simulator at URL (started with --slot-time 0ms
// --finality 0). Prints one JSON line for each: what both said, and what both payers and both guards have afterwards.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, url] = process.argv.slice(2);
const require = createRequire(pathToFileURL(join(packages, 'node_modules', 'x.js')));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const kit = await load('@solana/kit');
const litesvm = await load('litesvm');
const LiteSVM = litesvm.LiteSVM ?? litesvm.default.LiteSVM;
const inner = require(join(packages, 'node_modules/litesvm/dist/internal.js'));
const { getCreateAccountWithSeedInstruction, getTransferSolInstruction, SYSTEM_PROGRAM_ADDRESS } =
  await load('@solana-program/system');

const MEMO = kit.address('MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr');
const RENT = 890_880n;
const signer = (name) => kit.createKeyPairSignerFromPrivateKeyBytes(new Uint8Array(32).fill(name));
const payer = await signer(1);
const other = await signer(2);
const seeded = (seed, base = payer, programAddress = SYSTEM_PROGRAM_ADDRESS) =>
  kit.createAddressWithSeed({ baseAddress: base.address, seed, programAddress });

async function create(seed, { amount = RENT, space = 0, at, base = payer, owner = SYSTEM_PROGRAM_ADDRESS } = {}) {
  return getCreateAccountWithSeedInstruction({
    payer, base: base.address, seed, amount, space, programAddress: owner, newAccount: at ?? (await seeded(seed, base, owner)),
  });
}
const memo = (data, accounts = []) =>
  ({ programAddress: MEMO, accounts, data: typeof data === 'string' ? new TextEncoder().encode(data) : data });
const transfer = (from, to, amount) => getTransferSolInstruction({ source: from, destination: to, amount });

async function signed(blockhash, instructions, { version = 'legacy', from = payer } = {}) {
  const message = kit.pipe(
    kit.createTransactionMessage({ version }),
    (m) => kit.setTransactionMessageFeePayerSigner(from, m),
    (m) => kit.setTransactionMessageLifetimeUsingBlockhash({ blockhash, lastValidBlockHeight: 1n }, m),
    (m) => kit.appendTransactionMessageInstructions(instructions, m),
  );
  return kit.signTransactionMessageWithSigners(message);
}

// The package has the names of its errors in its types only.
const types = readFileSync(join(packages, 'node_modules/litesvm/dist/internal.d.ts'), 'utf8');
function namesOf(enumeration) {
  const body = types.match(new RegExp(`const enum ${enumeration} \\{([^}]*)\\}`))[1];
  return Object.fromEntries([...body.matchAll(/(\w+) = (\d+)/g)].map(([, name, value]) => [value, name]));
}
const transactionErrors = namesOf('TransactionErrorFieldless');
const instructionErrors = namesOf('InstructionErrorFieldless');

// LiteSVM's error, as the RPC writes it.
function errorOf(error) {
  if (error instanceof inner.TransactionErrorInstructionError) {
    const what = error.err();
    const said = what instanceof inner.InstructionErrorCustom ? { Custom: what.code } : instructionErrors[what];
    return { InstructionError: [error.index, said] };
  }
  if (error instanceof inner.TransactionErrorInsufficientFundsForRent)
    return { InsufficientFundsForRent: { account_index: error.accountIndex } };
  return transactionErrors[error];
}

const svm = new LiteSVM();
const rpc = kit.createSolanaRpc(url);
const post = async (path, body) => (await fetch(url + path, { method: 'POST', body: JSON.stringify(body) })).json();

async function fund(address, amount) {
  svm.airdrop(address, kit.lamports(amount));
  await post('/control/airdrop', { address, lamports: Number(amount) });
}

function ofLiteSvm(transaction) {
  const result = svm.sendTransaction(transaction);
  return typeof result.err === 'function' ? errorOf(result.err()) : null;
}

// Sent without preflight, so that it is the landing that is judged; what never lands is told by the records.
async function ofSimulator(transaction) {
  const wire = kit.getBase64EncodedWireTransaction(transaction);
  const before = await (await fetch(url + '/control/records')).json();
  const signature = await rpc.sendTransaction(wire, { encoding: 'base64', skipPreflight: true, maxRetries: 0n }).send();
  const known = before.transactions.some((row) => row.signature === signature && row.landed);
  if (known) {
    const preflight = await rpc.sendTransaction(wire, { encoding: 'base64' }).send().then(() => null, (error) => error);
    return kit.isSolanaError(preflight?.cause, kit.SOLANA_ERROR__TRANSACTION_ERROR__ALREADY_PROCESSED) ? 'AlreadyProcessed' : String(preflight);
  }
  await post('/control/step', { slots: 3 });
  const { value } = await rpc.getSignatureStatuses([signature], { searchTransactionHistory: true }).send();
  if (value[0]) return JSON.parse(JSON.stringify(value[0].err, (_, v) => (typeof v === 'bigint' ? Number(v) : v)));
  const { transactions } = await (await fetch(url + '/control/records')).json();
  return transactions[transactions.length - 1].error;
}

async function balances(addresses) {
  const rows = { litesvm: [], simulator: [] };
  for (const address of addresses) {
    rows.litesvm.push(String(svm.getBalance(address) ?? 0n));
    rows.simulator.push(String((await rpc.getBalance(address).send()).value));
  }
  return rows;
}

async function play(name, instructions, options = {}) {
  const hashOf = (hash) => options.blockhash ?? hash;
  const latest = (await rpc.getLatestBlockhash().send()).value.blockhash;
  const transactions = [await signed(hashOf(svm.latestBlockhash()), instructions, options), await signed(hashOf(latest), instructions, options)];
  for (let copy = 0; copy < (options.copies ?? 1); ++copy) {
    const said = { litesvm: ofLiteSvm(transactions[0]), simulator: await ofSimulator(transactions[1]) };
    const watched = [options.from?.address ?? payer.address, await seeded('guard'), ...(options.watch ?? [])];
    process.stdout.write(JSON.stringify({ name, copy, said, balances: await balances(watched) }) + '\n');
  }
}

const marked = kit.getAddressDecoder().decode(Buffer.from('01234567890ProgramDerivedAddress'));
const poor = await Promise.all([11, 12, 13, 14].map(signer));
await fund(payer.address, 10_000_000_000n);
await play('a guard is made', [await create('guard'), memo('the event')]);
await play('and not twice', [await create('guard'), memo('the same event again')]);
await play('nor by version 0', [await create('guard'), memo('and again')], { version: 0 });
await play('another guard, version 0', [await create('guard-2'), memo('another')], { version: 0, watch: [await seeded('guard-2')] });
await play('a transaction lands once', [memo('twice')], { copies: 2 });
await play('a guard of another owner and size', [await create('owned', { owner: MEMO, space: 10, amount: RENT + 69_600n })],
           { watch: [await seeded('owned', payer, MEMO)] });
await play('a wrong address', [await create('wrong', { at: other.address })]);
await play('less than rent', [await create('cheap', { amount: RENT - 1n })]);
await play('less than rent for its size', [await create('big', { space: 1 })]);
await play('more than there is', [await create('rich', { amount: 20_000_000_000n })]);
await play('a seed that is too long', [await create('s'.repeat(33), { at: other.address })]);
await play('an owner that looks like a derived address', [await create('owner', { at: other.address, owner: marked })]);
await play('a base that has not signed', [await create('based', { base: other })]);
await play('a memo that is not UTF-8', [await create('guard-3'), memo(new Uint8Array([0xff, 0xfe]))], { watch: [await seeded('guard-3')] });
await play('a memo by somebody who has not signed', [memo('x', [{ address: other.address, role: kit.AccountRole.READONLY }])]);
await play('a transfer', [transfer(payer, other.address, RENT)], { watch: [other.address] });
await play('a guard that somebody has paid into', [transfer(payer, await seeded('paid'), RENT), await create('paid')]);
await play('a transfer that leaves less than rent', [transfer(payer, poor[3].address, 5n)]);
await play('a blockhash that nobody gave', [memo('x')], { blockhash: kit.blockhash(other.address) });
await play('a payer that is not there', [memo('x')], { from: poor[0] });
for (const [index, amount] of [[0, RENT + 5_000n], [1, RENT + 4_999n], [2, RENT + 9_999n]]) await fund(poor[index].address, amount);
await play('a payer with just enough', [memo('x')], { from: poor[0] });
await play('a payer with too little', [memo('x')], { from: poor[1] });
await play('a payer that spends all', [transfer(poor[2], payer.address, RENT + 4_999n)], { from: poor[2] });
