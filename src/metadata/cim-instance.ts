/**
 * Parses the properties of a classic metadata file: the part of DMTF's CIM-XML (DSP0201) that packages use, INSTANCE
 * with PROPERTY > VALUE and PROPERTY.ARRAY > VALUE.ARRAY > VALUE.
 */
import { SaxesParser } from 'saxes'
import { MetadataError } from './metadata-error.ts'

export interface CimProperty {
  /** As written. */
  readonly name: string
  readonly isArray: boolean
  readonly values: readonly string[]
}

/** The properties by lower-case name; of two with the same name, the first one. */
export type CimInstance = ReadonlyMap<string, CimProperty>

interface OpenProperty {
  name: string
  isArray: boolean
  values: string[]
}

/**
 * @throws MetadataError `unsafe-metadata` for a document type declaration: it could declare entities, and no genuine
 * package has one; `not-metadata` for other XML; `broken-metadata` for XML that is not well-formed.
 */
export function parseCimInstance(text: string): CimInstance {
  const parser = new SaxesParser()
  const properties = new Map<string, CimProperty>()
  let sawInstance = false
  let property: OpenProperty | undefined
  let value: string | undefined

  parser.on('doctype', () => {
    throw new MetadataError('unsafe-metadata', 'document type declarations are not accepted')
  })
  parser.on('error', (error) => {
    throw new MetadataError('broken-metadata', error.message)
  })
  parser.on('opentag', (tag) => {
    const element = tag.name.toUpperCase()
    if (element === 'INSTANCE') sawInstance = true
    if (element === 'PROPERTY' || element === 'PROPERTY.ARRAY') {
      property = { name: attribute(tag.attributes, 'NAME'), isArray: element === 'PROPERTY.ARRAY', values: [] }
    }
    if (element === 'VALUE' && property !== undefined) value = ''
  })
  const addText = (chunk: string) => {
    if (value !== undefined) value += chunk
  }
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.on('closetag', (tag) => {
    const element = tag.name.toUpperCase()
    if (element === 'VALUE' && value !== undefined) {
      property?.values.push(value.trim())
      value = undefined
    }
    if ((element === 'PROPERTY' || element === 'PROPERTY.ARRAY') && property !== undefined) {
      const key = property.name.toLowerCase()
      if (key !== '' && !properties.has(key)) properties.set(key, property)
      property = undefined
    }
  })
  parser.write(text).close()
  if (!sawInstance) throw new MetadataError('not-metadata', 'it has no INSTANCE element')
  return properties
}

function attribute(attributes: Readonly<Record<string, unknown>>, name: string): string {
  const key = Object.keys(attributes).find((candidate) => candidate.toUpperCase() === name)
  return key === undefined ? '' : String(attributes[key]).trim()
}
