/**
 * The files next to the index of a V3 package: `_inventory.json` (the devices it is for) and `_signature.json` (the
 * digests of the payloads).
 */
import type { PackageDescription, Requisite } from '../core/catalog/package.ts'
import { isFixid } from './fixid.ts'
import {
  dateOf,
  type LooseObject,
  member,
  objectMember,
  objectsMember,
  parseLooseObject,
  textMember,
  textsMember,
  unique
} from './loose-json.ts'

/** The facts that `_inventory.json` adds to the index. */
export interface V3Inventory {
  readonly description: string
  readonly releaseDate: string
  readonly updateType: string
  readonly rebootRequired: string
  readonly family: string
  readonly requisites: readonly Requisite[]
}

/** The facts that `_signature.json` records about one file. */
export interface V3Signature {
  /** Empty when the signature does not name its file. */
  readonly fileName: string
  readonly sha256: string
  readonly size?: number
}

/** @throws MetadataError */
export function parseV3Inventory(bytes: Uint8Array): V3Inventory {
  const inventory = parseLooseObject(bytes)
  const activation = textMember(inventory, 'ActivationMethod')
  const softwareIds = objectsMember(inventory, 'Devices').flatMap((device) => textsMember(device, 'SoftwareIds'))
  return {
    description: textMember(inventory, 'Description'),
    releaseDate: dateOf(textMember(inventory, 'ReleaseDate')),
    updateType: textMember(inventory, 'UpdateType'),
    rebootRequired: activation,
    family: softwareIds.sort()[0] ?? '',
    requisites: requisiteFixids(member(inventory, 'Prerequisites')).map((fixid) => ({ fixid, kind: 'prerequisite' }))
  }
}

/** The digests of files other than inventories. */
export function parseV3Signature(bytes: Uint8Array): V3Signature[] {
  return objectsMember(parseLooseObject(bytes), 'AuthenticitySignature').flatMap((signature) => {
    const oem = objectMember(signature, 'Oem')
    const fileName =
      textMember(signature, 'FileName') || textMember(signature, 'Target') || textMember(signature, 'Name')
    const sha256 = (textMember(oem, 'Sha-256') || textMember(signature, 'Sha-256')).toLowerCase()
    const sizeText = textMember(oem, 'SizeBytes') || textMember(signature, 'SizeBytes')
    const size = Number(sizeText)
    const isUsable = /^[0-9a-f]{64}$/.test(sha256) && Number.isSafeInteger(size) && !/inventory/i.test(fileName)
    return isUsable ? [{ fileName, sha256, ...(sizeText === '' ? {} : { size }) }] : []
  })
}

/** The description with the facts of its inventory; those of the index take precedence. */
export function withInventory(description: PackageDescription, inventory: V3Inventory): PackageDescription {
  return {
    ...description,
    name: description.name || inventory.description,
    description: description.description || inventory.description,
    releaseDate: description.releaseDate || inventory.releaseDate,
    updateType: description.updateType || inventory.updateType,
    rebootRequired: description.rebootRequired || inventory.rebootRequired,
    family: description.family || inventory.family,
    requisites: description.requisites.length > 0 ? description.requisites : inventory.requisites
  }
}

function requisiteFixids(value: unknown): string[] {
  const items = Array.isArray(value) ? value : []
  const texts = items.map((item) =>
    typeof item === 'string' ? item : textMember((item ?? {}) as LooseObject, 'FixId')
  )
  return unique(texts.filter(isFixid))
}
