/** The counts of packages, machines and system packs in a repository of a given size. */
import { MEAN_PAYLOAD_BYTES } from './size-classes.ts'

/** The options cannot be met; the message is for the user. */
export class SampleError extends Error {}

/** The options of a caller. */
export interface CorpusRequest {
  readonly targetBytes: number
  /** Firmware and driver packages, without system packs, bundle components and packages with defects. */
  readonly packages?: number
  readonly machineTypes?: number
}

/** The counts that follow from a request. */
export interface Corpus {
  readonly targetBytes: number
  readonly packages: number
  readonly machineTypes: number
  readonly systemPacks: number
  /** Most members of a system pack beyond its core set. */
  readonly packDevices: number
  /** 1 for payloads of about their real size; smaller payloads have smaller texts. */
  readonly textScale: number
}

/** Corpora for comparing results: a small lab, and the repository of a company with 30 machine types. */
const named: Readonly<Record<string, CorpusRequest>> = {
  'small-lab': { targetBytes: 2_060_000_000, packages: 96, machineTypes: 4 },
  typical: { targetBytes: 25_100_000_000, packages: 1340, machineTypes: 30 }
}

const UNITS: Readonly<Record<string, number>> = { '': 1, KB: 1e3, MB: 1e6, GB: 1e9 }

const MIN_TARGET_BYTES = 500_000
const MIN_PACKAGES = 12
/** With fewer packages a corpus cannot have all kinds. */
const FULL_MIX_PACKAGES = 72
/** A large part of this is metadata and texts. */
const MIN_BYTES_PER_PACKAGE = 28_000
const PACKAGES_PER_MACHINE = 45
const MIN_MACHINES = 4
const SYSTEM_PACKS_PER_PACKAGE = 0.03
const SMALL_CORPUS_PACKAGES = 200
/** With a mean payload of at least this size, texts have their real size. */
const FULL_TEXTS_FROM_BYTES = 1_000_000

/** Reads `small-lab`, `typical` or a size such as `200MB`, `2.5GB`, `5000000`. */
export function parseCorpus(text: string): CorpusRequest {
  const corpus = named[text]
  if (corpus !== undefined) return corpus
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*(KB|MB|GB|)$/i.exec(text.trim()) ?? []
  if (number === undefined) {
    throw new SampleError(`"${text}" is no size: use ${Object.keys(named).join(', ')}, or bytes as in 200MB or 2.5GB.`)
  }
  return { targetBytes: Math.round(Number(number) * (UNITS[unit.toUpperCase()] ?? 1)) }
}

/** @throws SampleError when the request cannot be met */
export function sizeCorpus(request: CorpusRequest): Corpus {
  const { targetBytes } = request
  if (!Number.isSafeInteger(targetBytes) || targetBytes < MIN_TARGET_BYTES) {
    throw new SampleError(`A sample repository needs at least ${MIN_TARGET_BYTES.toLocaleString('en')} bytes.`)
  }
  const byMix = Math.round(targetBytes / MEAN_PAYLOAD_BYTES)
  const bySpace = Math.min(FULL_MIX_PACKAGES, Math.floor(targetBytes / MIN_BYTES_PER_PACKAGE))
  const packages = Math.max(MIN_PACKAGES, request.packages ?? Math.max(byMix, bySpace))
  return {
    targetBytes,
    packages,
    machineTypes: request.machineTypes ?? Math.max(MIN_MACHINES, Math.round(packages / PACKAGES_PER_MACHINE)),
    systemPacks: Math.max(MIN_MACHINES, Math.round(packages * SYSTEM_PACKS_PER_PACKAGE)),
    packDevices: packages < SMALL_CORPUS_PACKAGES ? 5 : 9,
    textScale: Math.min(1, targetBytes / packages / FULL_TEXTS_FROM_BYTES)
  }
}
