/** Repositories to measure with: packages of four files each, always the same bytes. */
import fs from 'node:fs'
import path from 'node:path'
import { createRandom, type Random } from '../sample/random.ts'
import { countClasses, fitSizes, MEAN_PAYLOAD_BYTES, spreadSizes } from '../sample/size-classes.ts'
import { type ContentMaker, noise, prose } from './content.ts'

/**
 * `payloads`: large payloads, most bytes of a real repository. `small`: many small files. `catalog`: very many
 * packages, for operations that do not read their files.
 */
export type CorpusName = 'payloads' | 'small' | 'catalog'

interface Recipe {
  readonly packages: number
  /** Of the payload's name. */
  readonly suffix: string
  readonly payload: ContentMaker
  readonly payloadBytes: (random: Random, index: number) => number
  /** Bytes of the metadata, of the readme and of the change history, each. */
  readonly textBytes: (random: Random) => number
  /** More lines of the metadata. */
  readonly properties?: (random: Random, index: number) => string
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

export const FILES_PER_PACKAGE = 4

/** Of the corpus `catalog`: machine types, each of which has some packages, and words that names have. */
export const MACHINE_TYPES: readonly string[] = Array.from({ length: 90 }, (_, index) => `7X${10 + index}`)
export const CATEGORIES = [
  'UEFI',
  'BMC',
  'Network',
  'Fibre Channel',
  'RAID',
  'Hard Drive',
  'Power Supply',
  'Diagnostics'
]

/** Versions of one product. */
const VERSIONS_PER_LINE = 4

export function recipeOf(name: CorpusName, isQuick: boolean): Recipe {
  const large = (random: Random) => random.integer(2_000, 40_000)
  const small = (random: Random) => random.integer(1_024, 20_480)
  const tiny = (random: Random) => random.integer(100, 700)
  const packed = { suffix: '.uxz', payload: noise }
  switch (name) {
    case 'payloads': {
      const payloadBytes = (random: Random) => random.integer(5_000_000, 20_000_000)
      return { ...packed, packages: isQuick ? 16 : 120, payloadBytes, textBytes: large }
    }
    case 'small':
      return { ...packed, packages: isQuick ? 500 : 5_000, payloadBytes: small, textBytes: small }
    case 'catalog':
      return {
        ...packed,
        packages: isQuick ? 2_500 : 27_250,
        payloadBytes: tiny,
        textBytes: tiny,
        properties: catalogProperties
      }
  }
}

/** As many packages as real repositories of this size have, most of them small and some very large. */
export function typicalRecipe(bytes: number): Recipe {
  const classes = countClasses(Math.max(1, Math.round(bytes / MEAN_PAYLOAD_BYTES)), bytes)
  const wanted = [...classes].flatMap(([name, count]) => spreadSizes(name, count))
  const sizes = wanted.map(fitSizes(wanted, bytes))
  return {
    packages: sizes.length,
    suffix: '.uxz',
    payload: noise,
    payloadBytes: (_, index) => sizes[index] ?? 0,
    textBytes: (random) => random.integer(2_000, 40_000)
  }
}

/**
 * Writes a repository; afterwards it is in the page cache, as far as memory allows.
 * @param series unlike that of other corpora in the same directory
 */
export function writeCorpus(directory: string, recipe: Recipe, series = 'b'): Corpus {
  const { packages, suffix, payload, payloadBytes, textBytes, properties = () => '' } = recipe
  fs.mkdirSync(directory, { recursive: true })
  const random = createRandom('bench')
  const written: CorpusPackage[] = []
  for (let index = 0; index < packages; index += 1) {
    const fixid = `lnvgy_fw_bench_${series}${String(index).padStart(5, '0')}a-1.00_anyos_noarch`
    const files = {
      [suffix]: payload(fixid, payloadBytes(random, index)),
      '.xml': metadata(fixid, suffix, properties(random, index), textBytes(random)),
      '.txt': prose(fixid, textBytes(random)),
      '.chg': prose(fixid, textBytes(random))
    }
    for (const [ending, content] of Object.entries(files))
      fs.writeFileSync(path.join(directory, fixid + ending), content)
    written.push({ fixid, bytes: Object.values(files).reduce((sum, content) => sum + content.length, 0) })
  }
  return {
    directory,
    packages: written,
    files: packages * FILES_PER_PACKAGE,
    bytes: written.reduce((sum, item) => sum + item.bytes, 0)
  }
}

/** Padded to the given size; never smaller than valid metadata. */
function metadata(fixid: string, suffix: string, properties: string, bytes: number): Buffer {
  const head = `<?xml version="1.0" encoding="UTF-8"?>
<INSTANCE CLASSNAME="Synthetic_FirmwareUpdate">
${property('fixid', fixid)}${property('payload', fixid + suffix)}${properties}`
  const tail = '</INSTANCE>\n'
  const room = Math.max(0, bytes - head.length - tail.length)
  return Buffer.concat([Buffer.from(head), comment(room), Buffer.from(tail)])
}

/** The searchable facts: name, category, newest of a product line, and machine types. */
function catalogProperties(random: Random, index: number): string {
  const machines = random.shuffle(MACHINE_TYPES).slice(0, random.integer(1, 6))
  const line = Math.floor(index / VERSIONS_PER_LINE)
  const version = index % VERSIONS_PER_LINE
  const category = CATEGORIES[line % CATEGORIES.length] ?? ''
  return [
    property('name', `${category} Update ${random.letters(6)} (For AnyOS)`),
    property('category', category),
    property('buildNumber', `${line.toString(36).padStart(3, '0')}${version}00A`.toUpperCase()),
    property('Version', `1.0${version}`),
    `  <PROPERTY.ARRAY NAME="applicableMachineTypes" TYPE="string"><VALUE.ARRAY>\n`,
    ...machines.map((type) => `    <VALUE>ThinkSystem [${type}]</VALUE>\n`),
    '  </VALUE.ARRAY></PROPERTY.ARRAY>\n'
  ].join('')
}

function property(name: string, value: string): string {
  return `  <PROPERTY NAME="${name}" TYPE="string"><VALUE>${value}</VALUE></PROPERTY>\n`
}

function comment(bytes: number): Buffer {
  const frame = '<!---->\n'
  if (bytes <= frame.length) return Buffer.alloc(0)
  return Buffer.from(`<!--${''.padEnd(bytes - frame.length, 'a word ')}-->\n`)
}
