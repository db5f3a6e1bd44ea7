// The chain as packages that are not ours have it: @solana/kit, @coral-xyz/anchor, and litesvm, which executes what we made.
//   chain.mjs QUESTION FOLDER_WITH_NODE_MODULES     QUESTION: answers | blockhash | execute
// One JSON question a line, one JSON line as answer. `answers` takes the same questions as the chain probe.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [question, packages] = process.argv.slice(2);
// Packages are found from their folder, not from this file's.
const load = createRequire(join(packages, 'package.json'));
const kit = load('@solana/kit');

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'hex'));
const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
// "I cannot" is an answer, too.
const orNull = async (make) => {
  try {
    return await make();
  } catch {
    return null;
  }
};

const role = ({ signer, writable }) =>
  signer ? (writable ? kit.AccountRole.WRITABLE_SIGNER : kit.AccountRole.READONLY_SIGNER)
         : writable ? kit.AccountRole.WRITABLE : kit.AccountRole.READONLY;

function compile(payer, instructions, blockhash) {
  const empty = kit.createTransactionMessage({ version: 'legacy' });
  const paid = kit.setTransactionMessageFeePayer(payer, empty);
  const timed = kit.setTransactionMessageLifetimeUsingBlockhash({ blockhash, lastValidBlockHeight: 1n }, paid);
  return kit.compileTransaction(kit.appendTransactionMessageInstructions(instructions, timed));
}

const plain = ({ program, accounts, data }) => ({
  programAddress: program,
  accounts: accounts.map((use) => ({ address: use.key, role: role(use) })),
  data: bytesOf(data),
});

// A record as the memo registry's documentation says it.
async function memoInstructions(record, wallet) {
  const owner = 'MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr';
  const seed = hex(sha256([record.action, record.tenant, record.venue, record.event].join('\0'))).slice(0, 32);
  const guard = await kit.createAddressWithSeed({ baseAddress: wallet, programAddress: owner, seed });
  const signer = kit.createNoopSigner(wallet);
  const creation = load('@solana-program/system').getCreateAccountWithSeedInstruction({
    payer: signer, newAccount: guard, base: wallet, seed, amount: record.rent, space: 0, programAddress: owner,
  });
  const { action, event, hash, royalties, tenant, venue } = record;
  const text = { admitone: action, event, hash, tenant, venue, ...royalties };
  const sorted = Object.fromEntries(Object.entries(text).sort(([a], [b]) => (a < b ? -1 : 1)));
  const memo = {
    programAddress: owner,
    accounts: [{ address: wallet, role: kit.AccountRole.READONLY_SIGNER }],
    data: new TextEncoder().encode(JSON.stringify(sorted)),
  };
  return { guard, instructions: [creation, memo] };
}

async function anchorInstructions(record, wallet) {
  const { Program, BN } = load('@coral-xyz/anchor');
  const { PublicKey } = load('@solana/web3.js');
  const idl = { ...JSON.parse(readFileSync(record.idl, 'utf8')), address: record.program };
  const program = new Program(idl, { connection: {}, publicKey: new PublicKey(wallet) });
  const bytes = (uuid) => [...bytesOf(uuid.replaceAll('-', ''))];
  const common = [bytes(record.tenant), [...sha256(record.venue)], bytes(record.event), [...bytesOf(record.hash)]];
  const { royalties } = record;
  const said = royalties && {
    artistBps: royalties.artistBps, venueBps: royalties.venueBps,
    artistWallet: new PublicKey(royalties.artistWallet), venueWallet: new PublicKey(royalties.venueWallet),
  };
  const call = record.action === 'create'
    ? program.methods.createEvent(...common, record.venue, said)
    : program.methods.cancelEvent(...common);
  const made = await call.accounts({ authority: new PublicKey(wallet) }).instruction();
  const guard = (await call.pubkeys())[record.action === 'create' ? 'event' : 'cancellation'];
  const accounts = made.keys.map((use) => ({
    address: use.pubkey.toBase58(), role: role({ signer: use.isSigner, writable: use.isWritable }),
  }));
  const instruction = { programAddress: made.programId.toBase58(), accounts, data: new Uint8Array(made.data) };
  return { guard: guard.toBase58(), instructions: [instruction] };
}

async function transaction(record) {
  const pair = await kit.createKeyPairFromBytes(new Uint8Array(JSON.parse(readFileSync(record.wallet, 'utf8'))));
  const wallet = await kit.getAddressFromPublicKey(pair.publicKey);
  const { guard, instructions } = await (record.idl ? anchorInstructions : memoInstructions)(record, wallet);
  const unsigned = compile(wallet, instructions, record.blockhash);
  const signed = await kit.signTransaction([pair], unsigned);
  return {
    message: hex(signed.messageBytes),
    signature: kit.getSignatureFromTransaction(signed),
    guard,
    bytes: hex(kit.getTransactionEncoder().encode(signed)),
  };
}

const answers = {
  base58: ({ bytes }) => kit.getBase58Decoder().decode(bytesOf(bytes)),
  parse: ({ text }) => orNull(() => hex(kit.getAddressEncoder().encode(kit.address(text)))),
  compact: ({ value }) => hex(kit.getShortU16Encoder().encode(value)),
  curve: ({ bytes }) => !kit.isOffCurveAddress(kit.getAddressDecoder().decode(bytesOf(bytes))),
  seeded: ({ base, seed, owner }) =>
    orNull(() => kit.createAddressWithSeed({ baseAddress: base, programAddress: owner, seed })),
  pda: ({ seeds, program }) =>
    orNull(async () => {
      const [address, bump] = await kit.getProgramDerivedAddress({ programAddress: program, seeds: seeds.map(bytesOf) });
      return { address, bump };
    }),
  discriminator: ({ name }) => hex(sha256(`global:${name}`).subarray(0, 8)),
  message: ({ payer, instructions, blockhash }) =>
    hex(compile(payer, instructions.map(plain), blockhash).messageBytes),
  transaction,
};

const errorOf = (result) => {
  const error = result.err();
  const text = String(error);
  // A failed instruction: which one, and how.
  if (typeof error === 'object' && typeof error.err === 'function') {
    const how = error.err();
    return { instruction: error.index, code: how?.code ?? String(how) };
  }
  return text;
};

const questions = {
  answers: () => (line) => answers[line.do](line),
  // Of a fresh chain, which is always the same.
  blockhash: () => {
    const { LiteSVM } = load('litesvm');
    const svm = new LiteSVM();
    return () => ({ blockhash: svm.latestBlockhash(), rent: Number(svm.minimumBalanceForRentExemption(0n)) });
  },
  // {"wallet", "lamports", "watch": addresses, "transactions": [bytes]} on a fresh chain → what became of each
  execute: () => {
    const { LiteSVM, FailedTransactionMetadata } = load('litesvm');
    return ({ wallet, lamports, watch, transactions }) => {
      const svm = new LiteSVM();
      for (const [address, amount] of Object.entries(lamports)) svm.airdrop(address, kit.lamports(BigInt(amount)));
      return transactions.map((bytes) => {
        const before = svm.getBalance(wallet);
        const result = svm.sendTransaction(kit.getTransactionDecoder().decode(bytesOf(bytes)));
        const failed = result instanceof FailedTransactionMetadata;
        const meta = failed ? result.meta() : result;
        const accounts = watch.map((address) => {
          const account = svm.getAccount(address);
          return account?.exists
            ? { owner: account.programAddress, lamports: Number(account.lamports), space: account.data.length }
            : null;
        });
        return {
          error: failed ? errorOf(result) : null,
          paid: Number((before ?? 0n) - (svm.getBalance(wallet) ?? 0n)),
          logs: meta.logs(),
          accounts,
        };
      });
    };
  },
};

const answer = await questions[question]();
for (const line of readFileSync(0, 'utf8').split('\n').filter((text) => text !== ''))
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n');
