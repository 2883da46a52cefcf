/**
 * A synthetic firmware repository on disk. It is first planned (`plan/plan.ts`), then written file by file. Nothing
 * depends on the clock, the machine or the order of events: the same options and seed files make the same tree.
 */
import { mkdir, readdir, statfs } from 'node:fs/promises'
import { type CorpusRequest, SampleError, sizeCorpus } from './corpus.ts'
import { type Manifest, manifestPath, type PackageRecord, writeManifest } from './manifest.ts'
import { planRepository } from './plan/plan.ts'
import { defaultSeedFiles } from './seed-files.ts'
import { writeDefects } from './write/defects.ts'
import { createImageMaker, loadSeeds } from './write/image.ts'
import { createTree } from './write/tree.ts'
import { writeV3Package } from './write/v3-package.ts'
import { writeBundle } from './write/write-bundle.ts'
import { writeClassicPackage, writeSystemPack } from './write/write-package.ts'

export interface GenerateOptions extends CorpusRequest {
  /** Created if it does not exist; must be empty. */
  readonly directory: string
  readonly seed?: number
  /** Binaries whose bytes become part of payloads; may be empty. */
  readonly seedFiles?: readonly string[]
  readonly defects?: boolean
  readonly onProgress?: (bytes: number, total: number) => void
}

const MIN_SEED_BYTES = 64_000
const MAX_SEED_BYTES = 1_000_000
/**
 * Bytes that are read of each seed file, as a share of the corpus: a small corpus should not wait for their
 * compression.
 */
const SEED_SHARE = 1 / 40

/**
 * Writes a repository into an empty directory, and its manifest next to it.
 * @throws SampleError when the directory is not empty, the disk is too small, or the size is out of bounds
 */
export async function generateRepository(options: GenerateOptions): Promise<Manifest> {
  const { directory, seed = 1, defects = true, onProgress = () => {} } = options
  const corpus = sizeCorpus(options)
  await prepareDirectory(directory, corpus.targetBytes)
  const seedFiles = options.seedFiles ?? (await defaultSeedFiles())
  const seedBytes = Math.min(MAX_SEED_BYTES, Math.max(MIN_SEED_BYTES, corpus.targetBytes * SEED_SHARE))
  const image = createImageMaker(await loadSeeds(seedFiles, seedBytes), seed)
  const plan = planRepository(corpus, seed, defects)

  const tree = createTree(directory, (bytes) => onProgress(bytes, corpus.targetBytes))
  const packages: PackageRecord[] = []
  for (const item of plan.packages) {
    packages.push(await (item.form === 'v3' ? writeV3Package : writeClassicPackage)(tree, item, image))
  }
  for (const pack of plan.systemPacks) packages.push(await writeSystemPack(tree, pack))
  packages.push(...(await writeBundle(tree, plan.bundle, plan.bundleTexts, image)))
  const injected = defects ? await writeDefects(tree, plan, packages, image) : []
  await tree.finish()

  const { targetBytes } = corpus
  const manifest = { seed, targetBytes, files: tree.files, bytes: tree.bytes, packages, defects: injected }
  await writeManifest(manifestPath(directory), manifest)
  return manifest
}

/** Refuses a directory with files: they could not be distinguished from generated ones afterwards. */
async function prepareDirectory(directory: string, targetBytes: number): Promise<void> {
  await mkdir(directory, { recursive: true })
  if ((await readdir(directory)).length > 0) {
    throw new SampleError(`${directory} is not empty; a sample repository is only written into an empty directory.`)
  }
  const { bavail, bsize } = await statfs(directory)
  if (bavail * bsize < targetBytes) {
    throw new SampleError(
      `${directory} has ${bavail * bsize} bytes of free space, the sample repository needs ${targetBytes}.`
    )
  }
}
