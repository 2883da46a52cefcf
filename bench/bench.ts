/** Input and result of a benchmark. */
import path from 'node:path'
import { type Corpus, type CorpusName, recipeOf, writeCorpus } from './corpus.ts'
import type { Workspace } from './workspace.ts'

export interface BenchContext {
  readonly workspace: Workspace
  /** Number of measurements of each figure. */
  readonly rounds: number
  /** Everything is small, to test the bench itself; the figures have no meaning. */
  readonly isQuick: boolean
  /** Written at the first call. */
  corpus(name: CorpusName): Corpus
}

export interface BenchResult {
  readonly tables: readonly Table[]
  readonly targets: readonly Target[]
  readonly pictures?: readonly Picture[]
}

/** Is printed before the tables. */
export interface Picture {
  /** File name, next to the report. */
  readonly file: string
  readonly alt: string
  readonly svg: string
}

export interface Table {
  readonly title: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Lines below the table: the commands, and what was left out. */
  readonly notes: readonly string[]
}

/** A promise, and the measured figure. */
export interface Target {
  readonly promise: string
  readonly figure: string
  readonly isMet: boolean
}

export type Bench = (context: BenchContext) => Promise<BenchResult>

export function createContext(workspace: Workspace, options: { rounds: number; isQuick: boolean }): BenchContext {
  const corpora = new Map<CorpusName, Corpus>()
  return {
    workspace,
    ...options,
    corpus(name) {
      const known = corpora.get(name)
      if (known !== undefined) return known
      process.stderr.write(`  writing the corpus ${name}\n`)
      const corpus = writeCorpus(path.join(workspace.directory, name), recipeOf(name, options.isQuick))
      corpora.set(name, corpus)
      return corpus
    }
  }
}

/** Target: a figure of at most, or at least, so much. */
export function target(promise: string, value: number, limit: { atMost: number } | { atLeast: number }): Target {
  const isMet = 'atMost' in limit ? value <= limit.atMost : value >= limit.atLeast
  return { promise, figure: value.toFixed(2), isMet }
}

/** Lines with what each of them runs; `$DIR` stands for where the bench works. */
export function describeCommands(
  { directory }: Workspace,
  contenders: readonly { readonly name: string; readonly command: string }[]
): string[] {
  return contenders.map(({ name, command }) => `${name}: \`${command.replaceAll(directory, '$DIR')}\``)
}

export const inMegabytes = (bytes: number) => (bytes / 1e6).toFixed(0)

export const describeCorpus = ({ files, bytes }: Corpus) =>
  `${files.toLocaleString('en')} files, ${inMegabytes(bytes)} MB`
