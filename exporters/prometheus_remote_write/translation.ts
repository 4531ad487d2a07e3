import type { TranslationSettings } from '../../internal/prometheus/translate.ts';
import type { RemoteWriteConfig } from './config.ts';

export function translationOf(config: RemoteWriteConfig): TranslationSettings {
  const suffixes = config.add_metric_suffixes ? 'With' : 'Without';
  const { enabled, exclude_service_attributes } = config.resource_to_telemetry_conversion;
  return {
    strategy: config.translation_strategy ?? `UnderscoreEscaping${suffixes}Suffixes`,
    namespace: config.namespace,
    externalLabels: config.external_labels,
    scopeInfo: !config.disable_scope_info,
    targetInfo: config.target_info.enabled,
    resourceToLabels: enabled,
    excludeService: exclude_service_attributes,
  };
}
