"""Turns a trained model and the tables around it into a real-time API, and keeps it right afterwards."""
