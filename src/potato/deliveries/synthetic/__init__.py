"""Making small deliveries as vendors make them, of ground whose reflectance is known."""
