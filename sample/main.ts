/** `npm run sample`: writes a synthetic firmware repository for trying fixdepot. */
import { parseArgs } from 'node:util'
import { parseCorpus, SampleError } from './corpus.ts'
import { generateRepository } from './generate.ts'
import { manifestPath } from './manifest.ts'

const USAGE = `Usage: npm run sample -- [options]

Writes a synthetic firmware repository: packages like real ones, with payloads of noise.

  --out DIR      target directory; must be empty or not exist
                 (default: $FIXDEPOT_REPOSITORY_DIR, else ./data/repository)
  --size SIZE    small-lab (96 packages, 2.06 GB), typical (1,340 packages, 25.1 GB),
                 or bytes such as 5MB, 1500MB, 2GB (default: 200MB)
  --seed NUMBER  another number makes another repository (default: 1)
  --from FILE    binary whose bytes become part of payloads; may be repeated
                 (default: the Node executable and native modules)
  --no-defects   do not write broken packages, stray files and hostile names
  --help         show this text

The manifest, DIR.corpus.json, lists every file with its size and SHA-256, and every defect.
`

const PROGRESS_INTERVAL_MS = 200

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      out: { type: 'string', default: process.env.FIXDEPOT_REPOSITORY_DIR || './data/repository' },
      size: { type: 'string', default: '200MB' },
      seed: { type: 'string', default: '1' },
      from: { type: 'string', multiple: true },
      defects: { type: 'boolean', default: true },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return
  }
  const progress = process.stderr.isTTY ? createProgress() : undefined
  const started = performance.now()
  const manifest = await generateRepository({
    ...parseCorpus(values.size),
    directory: values.out,
    seed: parseSeed(values.seed),
    defects: values.defects,
    ...(values.from === undefined ? {} : { seedFiles: values.from }),
    ...(progress === undefined ? {} : { onProgress: progress.report })
  }).finally(() => progress?.clear())
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const count = (value: number) => value.toLocaleString('en')
  const { packages, files, bytes } = manifest
  process.stdout.write(
    `${values.out}: ${count(packages.length)} packages, ${count(files)} files, ${count(bytes)} bytes in ${seconds} s; ` +
      `manifest in ${manifestPath(values.out)}\n`
  )
}

function parseSeed(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new SampleError(`"${text}" is no seed: it is a whole number.`)
  return Number(text)
}

/** One line of a terminal, redrawn a few times a second. */
function createProgress(): { report(bytes: number, total: number): void; clear(): void } {
  let next = 0
  const draw = (text: string) => process.stderr.write(`\r\x1b[K${text}`)
  return {
    report(bytes, total) {
      const now = performance.now()
      if (now < next) return
      next = now + PROGRESS_INTERVAL_MS
      const percent = Math.min(99, Math.floor((100 * bytes) / total))
      draw(`${percent} %  ${(bytes / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB`)
    },
    clear: () => draw('')
  }
}

try {
  await main()
} catch (error) {
  if (!isExplained(error)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}

/** Whether the message of the error is sufficient for the user. */
function isExplained(error: unknown): error is Error {
  return (
    error instanceof SampleError ||
    (error instanceof TypeError && 'code' in error && /^ERR_PARSE_ARGS/.test(String(error.code)))
  )
}
