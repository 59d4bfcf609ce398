package main

// Spans for Zipkin's API, as OpenTelemetry's translator makes them. The collector's own exporter is
// no module that Go's proxy always has.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/zipkin/zipkinv2"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const (
	zipkinTimeout  = 5 * time.Second
	reasonBytesMax = 512 // read of an answer that refuses
)

type zipkin struct {
	// Takes Zipkin's JSON: http://HOST:PORT/api/v2/spans
	Endpoint string `mapstructure:"endpoint"`
}

func (z *zipkin) send(ctx context.Context, traces ptrace.Traces) error {
	spans, err := zipkinv2.FromTranslator{}.FromTraces(traces)
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	body, err := json.Marshal(spans)
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, z.Endpoint, bytes.NewReader(body))
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		reason, _ := io.ReadAll(io.LimitReader(answer.Body, reasonBytesMax))
		return fmt.Errorf("Zipkin answered %s: %s", answer.Status, reason)
	}
	return nil
}

func newZipkinTraces(
	ctx context.Context, settings exporter.Settings, config component.Config,
) (exporter.Traces, error) {
	return exporterhelper.NewTraces(ctx, settings, config, config.(*zipkin).send,
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: zipkinTimeout}),
		exporterhelper.WithQueue(exporterhelper.NewDefaultQueueConfig()),
		exporterhelper.WithRetry(configretry.NewDefaultBackOffConfig()))
}

func newZipkinFactory() exporter.Factory {
	return exporter.NewFactory(
		component.MustNewType("zipkin"),
		func() component.Config { return &zipkin{Endpoint: "http://127.0.0.1:9411/api/v2/spans"} },
		exporter.WithTraces(newZipkinTraces, component.StabilityLevelStable))
}
