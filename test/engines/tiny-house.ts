import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Box, projectDir } from '../helpers/orchestrator.ts';

const run = promisify(execFile);

/** Weights made on the spot, by the libraries that will load them. */
async function tiny(box: Box, service: string, maker: string, ...options: string[]): Promise<string> {
  const folder = join(box.dir, 'weights', maker);
  const python = join(projectDir, '.venvs', service, 'bin/python');
  const script = join(projectDir, 'test/gpu_services/tiny', `${maker}.py`);
  await run(python, [script, folder, ...options], {
    env: { ...process.env, OMP_NUM_THREADS: '1', HF_HUB_OFFLINE: '1' },
  });
  return folder;
}

/** Every service of this project: tiny weights where the real ones need a GPU, what ships where it does not. */
export async function everyEngine(box: Box): Promise<string> {
  const flux = await tiny(box, 'flux', 'tiny_flux');
  const musicgen = await tiny(box, 'musicgen', 'tiny_musicgen');
  const qwen = await tiny(box, 'vllm', 'tiny_qwen2', '--size', 'mid'); // slow enough to be left
  const vllmArgs = {
    ...{ model: qwen, dtype: 'bfloat16', enforce_eager: true, max_model_len: 1024, max_num_seqs: 8 },
    kv_cache_memory_bytes: 67_108_864,
  };
  const entry = (service: string, type: string, endpoint: string | string[], more: object = {}) => ({
    ...{ type, service_script: `gpu-services/${service}/server.py`, endpoint, default: true },
    ...{ startup_time: 5, service_time: 1, ...more },
  });
  const models = {
    'tiny-qwen': entry('vllm', 'text', ['/v1/chat/completions', '/v1/completions', '/v1/responses'], {
      ...{ startup_time: 30, concurrency: 8, args: vllmArgs },
    }),
    'tiny-flux': entry('flux', 'image', ['/v1/images/generations', '/v1/images/edits'], {
      ...{ sleep: true, args: { model: flux } },
    }),
    'tiny-musicgen': entry('musicgen', 'audio', ['/v1/audio/generations', '/v1/sound-generation'], {
      args: { model: musicgen },
    }),
    smollm2: entry('llamacpp', 'text', ['/v1/chat/completions', '/v1/completions'], {
      ...{ concurrency: 4, default: false },
    }),
    joe: entry('piper', 'speech', '/v1/audio/speech'),
    whisper: entry('whisper', 'transcription', '/v1/audio/transcriptions'),
    e5: entry('embeddings', 'embedding', '/v1/embeddings'),
  };
  return JSON.stringify({ models });
}

/** What libsndfile says of a sound: it decodes all of it. */
export async function soundFacts(file: string): Promise<{ seconds: number; format: string; rate: number }> {
  const python = join(projectDir, '.venvs/musicgen/bin/python');
  const program =
    'import json, sys, soundfile as s; f = s.SoundFile(sys.argv[1]); n = len(f.read()); ' +
    'print(json.dumps({"seconds": n / f.samplerate, "format": f"{f.format} {f.subtype}", "rate": f.samplerate}))';
  const { stdout } = await run(python, ['-c', program, file]);
  return JSON.parse(stdout) as { seconds: number; format: string; rate: number };
}

/** What Pillow says of an image: it decodes all of it. */
export async function imageFacts(file: string): Promise<{ size: [number, number]; format: string }> {
  const python = join(projectDir, '.venvs/flux/bin/python');
  const program =
    'import json, sys; from PIL import Image; i = Image.open(sys.argv[1]); i.load(); ' +
    'print(json.dumps({"size": i.size, "format": i.format}))';
  const { stdout } = await run(python, ['-c', program, file]);
  return JSON.parse(stdout) as { size: [number, number]; format: string };
}
