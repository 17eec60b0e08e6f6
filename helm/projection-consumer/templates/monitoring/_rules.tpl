{{/*
A projection's alerts, as a YAML list without what all of them share; takes (dict "root" $ "key" KEY "projection" PROJECTION).
Each is a sum or a maximum over the projection's pods, so that a pod which comes or goes neither fires nor resets one.
*/}}
{{- define "projection-consumer.rules" -}}
{{- $name := .projection.name -}}
{{- $alerts := .projection.alerts -}}
{{- $partitions := int .projection.partitions -}}
{{- $scaling := .projection.scaling -}}
{{- $place := .root.Values.monitoring.prometheusRule.namespaceLabel -}}
{{- $its := printf "projection=%q" $name -}}
{{- $by := "by (projection)" -}}
{{- if $place -}}
{{- $its = printf "%s=%q,%s" $place .root.Release.Namespace $its -}}
{{- $by = printf "by (%s, projection)" $place -}}
{{- end -}}
{{- $pods := int .projection.replicas -}}
{{- if ne $scaling.type "none" -}}{{- $pods = int $scaling.minReplicas -}}{{- end -}}
{{- $assigned := printf "sum %s (projection_assigned_partitions{%s})" $by $its -}}
{{- /* Where nobody said how many partitions there are, three times the most that were held together. */ -}}
{{- $storm := max 20 (mul 3 $partitions) | toString -}}
{{- if not $partitions -}}{{- $storm = printf "clamp_min(3 * max_over_time((%s)[15m:1m]), 20)" $assigned -}}{{- end -}}
{{- $value := "{{ $value | humanize }}" -}}
{{- $age := "{{ $value | humanizeDuration }}" -}}
# By batches and not by events: a batch of types that the projector does not handle moves the checkpoint too.
- alert: ProjectionStalled
  severity: critical
  expr: >-
    sum {{ $by }} (increase(projection_operations_total{ {{- $its }},status="success"}[10m])) == 0
    and sum {{ $by }} (projection_partition_lag_events{ {{- $its }}}) > 0
  for: 5m
  summary: {{ $name }} applies nothing though events are there
  description: >-
    No batch of {{ $name }} went through for more than 10 minutes, and its partitions have events that are not applied.
    Its workers hang, wait, or stand still; their log says which.
- alert: ProjectionLagTimeHigh
  severity: warning
  expr: max {{ $by }} (projection_lag_seconds{ {{- $its }}}) > {{ int $alerts.lagSeconds }}
  for: 2m
  summary: The read model of {{ $name }} is old
  description: >-
    The oldest event that {{ $name }} has not applied is {{ $age }} old, and {{ int $alerts.lagSeconds }} seconds are allowed. Readers see what was true then.
{{- with int $alerts.retentionSeconds }}
- alert: ProjectionRetentionRisk
  severity: critical
  expr: max {{ $by }} (projection_lag_seconds{ {{- $its }}}) > {{ div . 2 }}
  for: 5m
  summary: The log will drop what {{ $name }} has not applied
  description: >-
    The oldest event that {{ $name }} has not applied is {{ $age }} old, and its log keeps an event for {{ . }} seconds. A partition
    whose log has dropped what comes next halts, and those events are lost to it.
{{- end }}
# All of the last ten minutes against all of ten before; not for a lag of seconds, which is ordinary.
- alert: ProjectionLagGrowing
  severity: warning
  expr: >-
    min_over_time((sum {{ $by }} (projection_partition_lag_events{ {{- $its }}}))[10m:1m])
    > max_over_time((sum {{ $by }} (projection_partition_lag_events{ {{- $its }}}))[10m:1m] offset 15m)
    and max {{ $by }} (projection_lag_seconds{ {{- $its }}}) > 60
  for: 5m
  summary: {{ $name }} falls further and further behind
  description: >-
    {{ $name }} is never less than {{ $value }} events behind, more than it ever was a quarter of an hour ago. Events come faster than it applies them:
    give it more pods up to the number of partitions, or find out why an apply takes longer.
- alert: ProjectionPartitionHalted
  severity: critical
  expr: sum {{ $by }} (projection_halted_partitions{ {{- $its }}}) > 0
  summary: Partitions of {{ $name }} halted
  description: >-
    {{ $value }} partitions of {{ $name }} stand at their checkpoints until a person acts; the log line `halted` says at which event and why.
- alert: ProjectionPartitionUnowned
  severity: critical
  expr: {{ $assigned }} < {{ max 1 $partitions }}
  for: 5m
  summary: Nobody holds some partitions of {{ $name }}
  description: >-
    The workers of {{ $name }} hold {{ $value }} of its{{ with $partitions }} {{ . }}{{ end }} partitions together. Of the others no lag is measured and no event applied.
# Workers only go forwards, so this is a reset by hand, or a store that lost commits.
- alert: ProjectionOffsetAnomaly
  severity: warning
  expr: >-
    sum {{ $by }} (resets((max {{ $by | replace "projection)" "projection, topic, partition)" }} (projection_partition_offset{ {{- $its }}}))[15m:30s])) > 0
  summary: Offsets of {{ $name }} went back
  description: >-
    Partitions of {{ $name }} stood at an earlier offset than before, {{ $value }} times in 15 minutes. Ordinary after a reset by hand; otherwise the
    offset store lost commits, as after a failover or a restored backup, and events are applied again.
- alert: ProjectionFencedCommits
  severity: warning
  expr: sum {{ $by }} (increase(projection_fenced_commits_total{ {{- $its }}}[1h])) > 3
  summary: Commits of {{ $name }} are fenced
  description: >-
    {{ $value }} commits of {{ $name }} were refused within an hour because another worker had claimed the partition since. Workers stand still for longer than
    the fleet waits for them, or two fleets bear one name.
- alert: ProjectionRebalanceStorm
  severity: warning
  expr: sum {{ $by }} (increase(projection_rebalances_total{ {{- $its }},kind!="claimed"}[15m])) > {{ $storm }}
  summary: Partitions of {{ $name }} come and go
  description: >-
    Workers of {{ $name }} gave up a partition {{ $value }} times in 15 minutes. A fleet that keeps rebalancing applies little: look for restarts, for an
    autoscaler that goes to and fro, and for applies past their time.
- alert: ProjectionBatchWaiting
  severity: warning
  expr: sum {{ $by }} (projection_waiting_partitions{ {{- $its }}}) > 0
  for: 15m
  summary: A batch of {{ $name }} fails on and on
  description: >-
    {{ $value }} partitions of {{ $name }} have a batch that fails and is tried again. The read model's store or the offset store is away, or the projector
    has a bug; the log line `waiting` says which.
# Or a new pod met them before it was first looked at: `increase` sees no step there.
- alert: ProjectionDecodeErrors
  severity: warning
  expr: >-
    sum {{ $by }} (increase(projection_decode_errors_total{ {{- $its }}}[15m])) > 0
    or sum {{ $by }} (last_over_time(projection_decode_errors_total{ {{- $its }}}[15m])
    unless last_over_time(projection_decode_errors_total{ {{- $its }}}[15m] offset 15m)) > 0
  summary: Events cannot be read by {{ $name }}
  description: >-
    {{ $value }} events could not be read by a codec, upcaster or type of {{ $name }} in 15 minutes; their partition halted, or they were skipped.
- alert: ProjectionEventsSkipped
  severity: warning
  expr: >-
    sum {{ $by }} (increase(projection_skipped_events_total{ {{- $its }}}[15m])) > 0
    or sum {{ $by }} (last_over_time(projection_skipped_events_total{ {{- $its }}}[15m])
    unless last_over_time(projection_skipped_events_total{ {{- $its }}}[15m] offset 15m)) > 0
  summary: Events are passed over by {{ $name }}
  description: >-
    {{ $value }} events were passed over by {{ $name }} in 15 minutes because on_undecodable is skip; they are missing from its read model.
{{- if $pods }}
- alert: ProjectionMetricsAbsent
  severity: critical
  expr: absent(projection_assigned_partitions{ {{- $its }}})
  for: 5m
  summary: Nothing is scraped of {{ $name }}
  description: >-
    No worker of {{ $name }} tells its metrics. Either none runs, or Prometheus does not reach them; until then no other alert of it can fire.
{{- end }}
- alert: ProjectionLagUnmeasured
  severity: warning
  expr: sum {{ $by }} (increase(projection_lag_failures_total{ {{- $its }}}[10m])) > 10
  summary: The lag of {{ $name }} is a guess
  description: >-
    The lag of {{ $name }} could not be measured {{ $value }} times in 10 minutes; what is shown, alerted on and scaled on is the last that was.
- alert: ProjectionMirrorBehind
  severity: warning
  expr: sum {{ $by }} (increase(projection_mirror_failures_total{ {{- $its }}}[15m])) > 10
  summary: The broker's group of {{ $name }} is behind
  description: >-
    The broker's own group could not be shown the checkpoints of {{ $name }} {{ $value }} times in 15 minutes. They are safe, but the broker's tools, and autoscalers
    that ask the broker, see old offsets.
{{- end }}
