/** Repositories to measure with: packages of four files each, always the same bytes. */
import { createCipheriv, createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { createRandom, type Random } from '../sample/random.ts'

/** `payloads`: what a repository is by its bytes. `small`: many small files. `tiny`: very many, for the second scan. */
export type CorpusName = 'payloads' | 'small' | 'tiny'

interface Recipe {
  readonly packages: number
  /** Bytes of the payload. They cannot be compressed, as firmware cannot. */
  readonly payloadBytes: (random: Random) => number
  /** Bytes of the metadata, of the readme and of the change history, each. */
  readonly textBytes: (random: Random) => number
}

export interface CorpusPackage {
  readonly fixid: string
  readonly bytes: number
}

export interface Corpus {
  readonly directory: string
  readonly packages: readonly CorpusPackage[]
  readonly files: number
  readonly bytes: number
}

const FILES_PER_PACKAGE = 4

export function recipeOf(name: CorpusName, isQuick: boolean): Recipe {
  switch (name) {
    case 'payloads':
      return {
        packages: isQuick ? 16 : 120,
        payloadBytes: (random) => random.integer(5_000_000, 20_000_000),
        textBytes: (random) => random.integer(2_000, 40_000)
      }
    case 'small': {
      const bytes = (random: Random) => random.integer(1_024, 20_480)
      return { packages: isQuick ? 500 : 5_000, payloadBytes: bytes, textBytes: bytes }
    }
    case 'tiny': {
      const bytes = (random: Random) => random.integer(100, 700)
      return { packages: isQuick ? 500 : 25_000, payloadBytes: bytes, textBytes: bytes }
    }
  }
}

/** Writes a repository into a new directory; afterwards it is in the page cache. */
export function writeCorpus(directory: string, { packages, payloadBytes, textBytes }: Recipe): Corpus {
  fs.mkdirSync(directory)
  const random = createRandom('bench')
  const written: CorpusPackage[] = []
  for (let index = 0; index < packages; index += 1) {
    const fixid = `lnvgy_fw_bench_b${String(index).padStart(5, '0')}a-1.00_anyos_noarch`
    const files = {
      '.uxz': noise(fixid, payloadBytes(random)),
      '.xml': metadata(fixid, textBytes(random)),
      '.txt': prose(fixid, textBytes(random)),
      '.chg': prose(fixid, textBytes(random))
    }
    for (const [suffix, content] of Object.entries(files))
      fs.writeFileSync(path.join(directory, fixid + suffix), content)
    written.push({ fixid, bytes: Object.values(files).reduce((sum, content) => sum + content.length, 0) })
  }
  return {
    directory,
    packages: written,
    files: packages * FILES_PER_PACKAGE,
    bytes: written.reduce((sum, item) => sum + item.bytes, 0)
  }
}

function noise(key: string, bytes: number): Buffer {
  const secret = createHash('sha256').update(key).digest()
  return createCipheriv('aes-128-ctr', secret.subarray(0, 16), secret.subarray(16)).update(Buffer.alloc(bytes))
}

function prose(subject: string, bytes: number): Buffer {
  return Buffer.alloc(bytes, `This is a line about ${subject}, which is no firmware.\n`)
}

/** As large as it is asked to be, and at least large enough to be metadata. */
function metadata(fixid: string, bytes: number): Buffer {
  const head = `<?xml version="1.0" encoding="UTF-8"?>
<INSTANCE CLASSNAME="Synthetic_FirmwareUpdate">
  <PROPERTY NAME="fixid" TYPE="string"><VALUE>${fixid}</VALUE></PROPERTY>
  <PROPERTY NAME="payload" TYPE="string"><VALUE>${fixid}.uxz</VALUE></PROPERTY>
`
  const tail = '</INSTANCE>\n'
  const room = Math.max(0, bytes - head.length - tail.length)
  return Buffer.concat([Buffer.from(head), comment(room), Buffer.from(tail)])
}

function comment(bytes: number): Buffer {
  const frame = '<!---->\n'
  if (bytes <= frame.length) return Buffer.alloc(0)
  return Buffer.from(`<!--${''.padEnd(bytes - frame.length, 'a word ')}-->\n`)
}
