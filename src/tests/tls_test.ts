/** The real program with TLS: by a certificate that is made as the README says. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { cli, commandMissing, output, type Platform, ROOT, serve, upArgs, withPlatform } from "./program.ts";
import { withServices } from "./services.ts";

const ignore = commandMissing("openssl");

/** A folder with a certificate and its key for as long as `use` runs, for these names: the README's, where missing. */
async function withCertificate(names: string | undefined, use: (files: Files) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
  try {
    const command = await readmeLine(/^openssl (?:.*\\\n)*.*$/m);
    const ours = names === undefined ? command : command.replace(/subjectAltName=\S+/, `subjectAltName=${names}`);
    await output("sh", "-c", `cd "${folder}" && ${ours}`);
    await use({ cert: `${folder}/cert.pem`, key: `${folder}/key.pem` });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function readmeLine(wanted: RegExp): Promise<string> {
  return wanted.exec(await Deno.readTextFile(`${ROOT}README.md`))![0];
}

interface Files {
  readonly cert: string;
  readonly key: string;
}

const flagsOf = ({ cert, key }: Files) => [`--tls-cert=${cert}`, `--tls-key=${key}`];

/** Runs a program that is expected to fail, or may; answers with what it said. */
async function attempt(command: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test({
  name: "a platform with TLS: command line, curl by HTTP/1.1 and HTTP/2, and who does not belong there",
  ignore,
  fn: (t) =>
    withCertificate(undefined, (files) =>
      withPlatform([...flagsOf(files), "--workers=1"], async (platform) => {
        const { apiserver } = platform.ready;
        const trust = `--tls-ca=${files.cert}`;
        const ours = (...args: string[]) => cli(...args, `--server=${apiserver}`);

        await t.step("a function is deployed and runs", async () => {
          const deployed = await ours("deploy", "src/examples/cpu", trust);
          assertEquals([deployed.code, deployed.err], [0, ""]);
          assertMatch(deployed.out, new RegExp(`https://${apiserver}/fn/cpu\n`));
          const { out, err } = await ours("invoke", "cpu", '--event={"below":100}', trust);
          assertEquals([JSON.parse(out).primes, err], [25, ""]);
          const { nodes } = JSON.parse((await ours("ps", "--json", trust)).out);
          assertEquals(nodes.length, 1);
        });

        await t.step("whom nobody vouches for is told so, and what to do", async () => {
          await withCertificate(undefined, async ({ cert }) => {
            const { code, err } = await ours("ps", `--tls-ca=${cert}`);
            assertEquals(code, 1);
            assertMatch(
              err,
              /cannot be reached: no trusted CA vouches for its certificate .*; name .* with --tls-ca\n$/,
            );
          });
        });

        await t.step({
          name: "curl reaches every port",
          ignore: commandMissing("curl"),
          fn: () => callByCurl(platform, files),
        });
      })),
});

async function callByCurl(platform: Platform, { cert }: Files): Promise<void> {
  const { apiserver, scheduler, resourcemanager } = platform.ready;
  const curl = ["-sS", "--max-time", "60", "--cacert", cert];
  for (const version of ["--http1.1", "--http2"]) {
    for (const address of [apiserver, scheduler, resourcemanager]) {
      const said = await output("curl", ...curl, version, "-w", "%{http_version}", `https://${address}/healthz`);
      assertMatch(said, version === "--http2" ? /"status":"ok"}\n2$/ : /"status":"ok"}\n1\.1$/);
    }
    assertEquals(await output("curl", ...curl, version, `${platform.url}/fn/hello?name=Ada`), "Hello, Ada!\n");
  }
  const ofReadme = (await readmeLine(/^curl .*--cacert.*$/m)).replace("localhost:10500", apiserver);
  assertEquals(await output("sh", "-c", ofReadme.replace("cert.pem", `"${cert}"`)), "Hello, you!\n");
  for (const version of ["--http1.1", "--http2-prior-knowledge"]) {
    const plain = await attempt("curl", "-sS", "--max-time", "60", version, `http://${apiserver}/healthz`);
    assert(plain.code !== 0 && plain.out === "", `${plain.out} ${plain.err}`);
  }
  assertMatch(await output("curl", ...curl, `https://${apiserver}/readyz`), /"status":"ready"/);
}

Deno.test({
  name: "each service in its own process calls the others by TLS",
  ignore,
  fn: () =>
    withCertificate(undefined, (tls) =>
      withServices({ agents: 1, tls }, async (services) => {
        await services.deploy("hello");
        const { out, err } = await services.cli("invoke", "hello", '--event={"name":"Bob"}');
        assertEquals([out, err], ["Hello, Bob!\n", ""]);
      })),
});

Deno.test({
  name: "a certificate for other names than are dialled is told at the start, with the name it lacks",
  ignore,
  fn: () =>
    withCertificate("DNS:faas.example", async (files) => {
      const data = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
      try {
        const ended = await serve([...upArgs(data), ...flagsOf(files)]).then(
          async (served) => `it serves, and ended with ${await served.stop()}`,
          (error) => error.message,
        );
        assertMatch(
          ended,
          /its certificate is for DNS:faas\.example: it needs IP:127\.0\.0\.1 among its subjectAltName.*--tls-cert/,
        );
      } finally {
        await Deno.remove(data, { recursive: true });
      }
    }),
});
