import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';

/** Writes a wheel with one module that says which version it is. */
const makeWheel = `
import sys, zipfile
folder, name, version = sys.argv[1:]
path = f"{folder}/{name}-{version}-py3-none-any.whl"
info = f"{name}-{version}.dist-info"
files = {
    f"{name}.py": f"VERSION = {version!r}\\n",
    f"{info}/METADATA": f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n",
    f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
}
record = "".join(f"{file},,\\n" for file in [*files, f"{info}/RECORD"])
with zipfile.ZipFile(path, "w") as wheel:
    for file, text in {**files, f"{info}/RECORD": record}.items():
        wheel.writestr(file, text)
print(path)
`;

/** A package index on 127.0.0.1, as pip reads it, with small packages made on the spot. */
export class WheelIndex implements AsyncDisposable {
  readonly url: string;
  /** What was asked for, path by path. */
  readonly asked: string[] = [];
  private readonly server: Server;
  private readonly wheels = new Map<string, { readonly name: string; readonly data: Buffer }>();

  private constructor(server: Server) {
    this.server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
    server.on('request', ({ url = '' }, response) => {
      this.asked.push(url);
      const wheel = this.wheels.get(basename(url));
      if (url.startsWith('/files/') && wheel) return void response.end(wheel.data);
      const links = [...this.wheels].filter(([, { name }]) => url === `/simple/${name}/`);
      if (links.length === 0) return void response.writeHead(404).end();
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(
        links
          .map(([file, { data }]) => `<a href="/files/${file}#sha256=${sha256(data)}">${file}</a>`)
          .join(''),
      );
    });
  }

  static async open(): Promise<WheelIndex> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new WheelIndex(server);
  }

  /** Makes a package in `folder` and offers it; returns its line of a lock. */
  async offer(folder: string, name: string, version: string): Promise<string> {
    const args = ['-c', makeWheel, folder, name, version];
    const path = execFileSync('python3', args, { encoding: 'utf8' }).trim();
    const data = await readFile(path);
    this.wheels.set(basename(path), { name, data });
    return `${name}==${version} --hash=sha256:${sha256(data)}\n`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
